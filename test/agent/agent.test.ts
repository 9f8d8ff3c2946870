import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { markerPath } from '../../agent/adapters/marker-store.ts'
import { dialV1 } from '../../daemon/dial.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { generateKey, Key } from '../../protocol/keys.ts'
import { until } from '../hosts/until.ts'
import { greet, openAgentRig, target, top } from './agent-rig.ts'

const app = { unit: 'app.service' }
const slow = { unit: 'slow.service', lines: ['ExecStart=/bin/sleep infinity', 'ExecStop=/bin/sleep 2'] }

t.test('a person drains and undrains; systemd and the pages are told', async (t) => {
  await using rig = await openAgentRig([app])
  t.equal(rig.notified[0], 'ready')
  const { link, drain, undrain, status } = await greet(rig.agent.port, [rig.key])
  t.strictSame(link.hello.targets, [target])
  const drained = await drain('direct/1')
  t.match(drained, { outcome: 'ok', units: [], report: { is: 'drained', durable: true } })
  t.equal(await rig.host.show('app.service', 'ActiveState'), 'inactive')
  t.match(JSON.parse(await readFile(markerPath(join(rig.host.stateDir, 'agent'), target), 'utf8')), {
    version: 1,
    holds: [{ id: 'direct/1' }],
  })
  t.not((await rig.host.tried('start', 'app.service')).code, 0, 'a guarded dependent does not start')
  await until('systemd shows it', () => rig.notified.at(-1) === 'drained by direct, 1 dependent inactive')
  const metrics = await (await fetch(`http://127.0.0.1:${rig.agent.port}/metrics`)).text()
  t.match(metrics, `guardian_target_state{target="${target}",state="drained"} 1`)
  t.match(metrics, `guardian_drains_total{target="${target}",result="ok"} 1`)
  t.equal((await fetch(`http://127.0.0.1:${rig.agent.port}/readyz`)).status, 200)
  t.match(await undrain('direct/1'), { outcome: 'ok', report: { is: 'open' } })
  t.equal(await rig.host.show('app.service', 'ActiveState'), 'active')
  t.match(await status(), { targets: [{ is: 'open', holds: [], breaches: 0 }] })
  link.close()
  t.strictSame(rig.deaths, [])
})

t.test('a v1 client and a v2 peer at once: each has its hold, and a ping waits for no drain', async (t) => {
  await using rig = await openAgentRig([app, slow], { acceptV1: true, v1PskFile: 'shared' })
  const { link, drain, undrain, ping } = await greet(rig.agent.port, [rig.key])
  const v1 = await dialV1({ address: '127.0.0.1', port: rig.agent.port, key: rig.key, limitMs: 5_000 })
  const both = Promise.all([v1.request('drain', 20_000), drain('direct/1')])
  const pings = []
  while ((await rig.host.show('slow.service', 'ActiveState')) !== 'inactive') pings.push(await ping())
  t.ok(pings.length > 3 && Math.max(...pings) < 1_000, `${pings.length} pings, the longest ${Math.max(...pings)} ms`)
  const [old, person] = await both
  t.equal(old.ok, true, old.text)
  t.equal(person.outcome, 'ok')
  t.match(await v1.request('undrain', 20_000), { ok: false, text: /held by direct \(direct\/1\)/ })
  t.match(await undrain('direct/1'), { outcome: 'ok' })
  v1.close()
  link.close()
})

t.test('told to stop as its last dependent stops, as at a shutdown, it says first that it is drained', async (t) => {
  const brief = { unit: 'brief.service', lines: ['ExecStart=/bin/sleep infinity', 'ExecStop=/bin/sleep 0.5'] }
  await using rig = await openAgentRig([brief])
  const { drain } = await greet(rig.agent.port, [rig.key])
  const drained = drain('direct/1')
  await until('it stops', async () => (await rig.host.show('brief.service', 'ActiveState')) === 'deactivating')
  await rig.close()
  t.match(await drained, { outcome: 'ok', report: { is: 'drained' } })
})

t.test('seven drains in three seconds leave nothing failed', async (t) => {
  await using rig = await openAgentRig([app])
  const { link, drain, undrain } = await greet(rig.agent.port, [rig.key])
  for (let count = 0; count < 7; count += 1) {
    t.equal((await drain(`direct/${count}`)).outcome, 'ok')
    t.equal((await undrain(`direct/${count}`)).outcome, 'ok')
  }
  t.equal(await rig.host.show('app.service', 'ActiveState'), 'active')
  t.equal(await rig.host.show(top, 'ActiveState'), 'active')
  link.close()
})

t.test('an unguarded dependent that is started while drained is stopped again, and counted', async (t) => {
  await using rig = await openAgentRig([app, { unit: 'loose.service', unguarded: true }])
  const { link, drain, status } = await greet(rig.agent.port, [rig.key])
  await drain('direct/1')
  await writeFile(
    join(rig.host.unitDir, 'part.service'),
    `[Unit]\nPartOf=${top}\n[Service]\nExecStart=/bin/sleep infinity\n`,
  )
  await rig.host.daemonReload()
  await rig.host.systemctl('start', 'part.service')
  await until('it is stopped again', async () => (await rig.host.show('part.service', 'ActiveState')) === 'inactive')
  await until('it is counted', async () => (await status()).targets[0]?.breaches === 1)
  t.match(await status(), { targets: [{ is: 'drained', dependents: [] }] })
  link.close()
})

t.test('an agent that is restarted in the middle of a drain goes on with it', async (t) => {
  await using rig = await openAgentRig([app, slow])
  const first = await greet(rig.agent.port, [rig.key])
  void first.drain('direct/1')
  await until('it stops', async () => (await rig.host.show('slow.service', 'ActiveState')) === 'deactivating')
  await rig.restart()
  const { link, status } = await greet(rig.agent.port, [rig.key])
  await until('it is drained', async () => (await status()).targets[0]?.is === 'drained')
  t.match((await status()).targets[0]?.holds, [{ id: 'direct/1' }])
  link.close()
})

t.test('an unreadable marker keeps the target shut until a person releases it', async (t) => {
  await using rig = await openAgentRig([app], { lostAfter: '1s' }, async (host) => {
    await mkdir(join(host.stateDir, 'agent/drained'), { recursive: true })
    await writeFile(markerPath(join(host.stateDir, 'agent'), target), 'damaged')
  })
  const { link, status, undrain } = await greet(rig.agent.port, [rig.key])
  await until('it is drained', async () => (await status()).targets[0]?.is === 'drained')
  t.equal(await rig.host.show('app.service', 'ActiveState'), 'inactive')
  const [hold] = (await status()).targets[0]?.holds ?? []
  t.match(hold, { id: /^self\/unreadable-/, message: /cannot be read \(damaged\)/ })
  const later = performance.now() + 2_500
  await until('the time is over after which a self-drain would end', () => performance.now() > later)
  t.equal((await status()).targets[0]?.is, 'drained')
  t.equal((await undrain(hold?.id ?? '')).outcome, 'ok')
  link.close()
})

t.test('keys are read anew without a restart: a new one is accepted, a removed one’s links are closed', async (t) => {
  await using rig = await openAgentRig([app])
  const next = generateKey()
  const old = await greet(rig.agent.port, [rig.key])
  await appendFile(rig.pskFile, `${next}\n`)
  await rig.agent.reload()
  const young = await greet(rig.agent.port, [new Key(next)])
  t.ok((await old.ping()) >= 0, 'the old one is good still')
  await writeFile(rig.pskFile, `${next}\n`)
  const closed = new Promise<string>((resolve) => old.link.listen({ message: () => {}, closed: resolve }))
  await rig.agent.reload()
  t.equal(await closed, 'the key was removed')
  t.ok((await young.ping()) >= 0)
  await writeFile(rig.pskFile, 'short\n')
  await t.rejects(rig.agent.reload(), { code: 'bad-key-file' })
  t.ok((await young.ping()) >= 0, 'a refused reload changes nothing')
  t.equal(rig.notified.at(-1), 'ready')
  young.link.close()
})

t.test('a reload from keys to certificates is refused, and changes nothing', async (t) => {
  await using rig = await openAgentRig([app])
  const { link, ping } = await greet(rig.agent.port, [rig.key])
  await rig.writeConfig({ tls: { cert: rig.pskFile, key: rig.pskFile, ca: rig.pskFile } })
  await t.rejects(rig.agent.reload(), { code: 'bad-config', message: /tls .*restart/ })
  t.ok((await ping()) >= 0)
  const again = await greet(rig.agent.port, [rig.key])
  for (const each of [link, again.link]) each.close()
})

t.test('what is missing at the start is said', async (t) => {
  await using rig = await openAgentRig([app])
  const port = rig.agent.port
  const refusals: readonly [config: object, code: string, says: RegExp][] = [
    [{ bus: 'unix:path=/nowhere/systemd/private' }, 'no-systemd', /nowhere.*no such file.*may be system/],
    [{ pskFile: '/nowhere/psk' }, 'bad-key-file', /nowhere\/psk: does not exist.*keygen/],
    [{ bootIdFile: '/nowhere/id' }, 'bad-config', /boot id \/nowhere\/id/],
    [{ stateDir: '/proc/guardian' }, 'bad-config', /stateDir \/proc\/guardian: cannot be used/],
  ]
  await rig.close()
  for (const [config, code, says] of refusals) {
    await rig.writeConfig(config)
    const cause: unknown = await rig.restart().catch((refusal: unknown) => refusal)
    t.ok(cause instanceof GuardianError && cause.code === code, String(cause))
    t.match(String(cause), says)
  }
  await rig.writeConfig({ targets: { [target]: { unit: 'nowhere.target' } }, listen: { address: '127.0.0.1', port } })
  await rig.restart()
  await until('it is not ready', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 503)
  t.match(await (await fetch(`http://127.0.0.1:${port}/readyz`)).text(), `target ${target} has no unit file`)
})
