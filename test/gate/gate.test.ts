import { chmod, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { monotonicMs } from '../../daemon/clock.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { progressOf } from '../fakes/fleet-status.ts'
import { bootId, drained, line, openGate } from './ready.ts'

t.test('up: recorded, told, no host waited for', async (t) => {
  const { api, gate, record, log, gateDir } = await openGate(t)
  api.onGate = () => ({ hold: null })
  t.equal(await gate('up'), 0)
  t.match(await record(), { state: 'up', bootId })
  t.match(api.gates, [{ resource: 'postgresql', request: { state: 'up', bootId, limitMs: 20_000 } }])
  t.strictSame(await readdir(gateDir), ['postgresql'], 'nothing is left beside it')
  t.match(log.text(), 'info up')
})

t.test('up: after a down that could not be recorded the coordinator takes it', async (t) => {
  const { api, gate, gateDir, log } = await openGate(t)
  // As coordinator/core/gates.ts: what is older than what it knows changes nothing.
  let known = { state: 'up', seq: 0 }
  api.onGate = (_resource, request) => {
    if (request.seq >= known.seq) known = request
    return { hold: known.state === 'up' ? null : `postgresql/${bootId}/${known.seq}` }
  }
  api.progress = drained(progressOf('web1', 'done'))
  t.equal(await gate('up'), 0)
  await rename(gateDir, `${gateDir}.away`)
  await writeFile(gateDir, '')
  t.equal(await gate('down'), 3)
  await rm(gateDir)
  await rename(`${gateDir}.away`, gateDir)
  t.equal(await gate('up'), 0)
  t.equal(known.state, 'up')
  t.notMatch(log.text(), 'still stands')
  known = { state: 'down', seq: Number.MAX_SAFE_INTEGER }
  t.equal(await gate('up'), 0)
  t.match(log.text(), /warn up, but the coordinator knows a later down: its hold still stands .*"hold":"postgresql/)
})

t.test('up: where nobody answers it is recorded all the same, exit 0', async (t) => {
  const { api, gate, record, log } = await openGate(t)
  api.silent = true
  t.equal(await gate('up'), 0)
  await api.vanish()
  t.equal(await gate('up'), 0)
  t.match(await record(), { state: 'up' })
  t.match(log.text(), 'recorded for later')
})

t.test('up: what cannot be recorded is not told, and fails', async (t) => {
  const { api, gate, gateDir, log } = await openGate(t)
  await rm(gateDir, { recursive: true })
  await writeFile(gateDir, 'a file where the directory should be')
  t.equal(await gate('up'), 3)
  t.strictSame(api.gates, [])
  t.match(log.text(), 'cannot be written')
})

t.test('down: follows the coordinator until all are drained', async (t) => {
  const { api, gate, record, log, agents } = await openGate(t)
  let before: unknown
  api.onGate = (_resource, { seq }) => {
    before = seq
    return { hold: `postgresql/${bootId}/${seq}` }
  }
  api.progress = drained(progressOf('web1', 'moving'), progressOf('web2', 'waiting'))
  const running = gate('down')
  await api.followed('/v1/progress')
  t.match(await record(), { state: 'down', seq: before }, 'written before anybody is told')
  api.tell(drained(progressOf('web1', 'done'), progressOf('web2', 'moving')))
  api.tell(drained(progressOf('web1', 'done'), progressOf('web2', 'done')))
  t.equal(await running, 0)
  t.equal(
    api.heard.at(-1),
    `GET /v1/progress?want=drained&hold=${encodeURIComponent(`postgresql/${bootId}/${before}`)}`,
  )
  t.match(log.text(), 'info drained {"resource":"postgresql","host":"web1","target":"io-databases","event":"drained"}')
  t.match(log.text(), /"drained":2,"of":2/)
  t.equal(agents.accepted, 0, 'no agent is ordered beside the coordinator')
})

t.test('down: nothing needs it', async (t) => {
  const { api, gate, log } = await openGate(t)
  api.onGate = () => ({ hold: null })
  t.equal(await gate('down'), 0)
  t.match(log.text(), 'nothing to drain')
})

t.test('down: hosts that did not make it are named, and the exit code says so', async (t) => {
  const { api, gate, log } = await openGate(t)
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'done'), progressOf('web2', 'unreachable', { reason: 'gone' }))
  t.equal(await gate('down'), 4)
  t.match(log.text(), /error not every host is drained .*"hosts":"web2"/)
})

t.test('down: the deadline is kept', async (t) => {
  const { api, gate, log, agents } = await openGate(t, { gateDeadline: '1s' })
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'done'), progressOf('web2', 'moving', { units: ['app.service'] }))
  const startedMs = monotonicMs()
  t.equal(await gate('down'), 5)
  t.ok(monotonicMs() - startedMs < 1_000, 'before systemd’s limit')
  t.match(log.text(), 'warn still draining {"resource":"postgresql","host":"web2"')
  t.equal(agents.accepted, 0)
})

t.test('down: ended from outside', async (t) => {
  const { api, gate, log, end } = await openGate(t)
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'moving'))
  const running = gate('down')
  await api.followed('/v1/progress')
  end()
  t.equal(await running, 9)
  t.match(log.text(), 'ended from outside')
})

t.test('down: where it cannot be recorded the hosts are drained all the same: exit 3', async (t) => {
  const { api, gate, gateDir, log } = await openGate(t)
  await rm(gateDir, { recursive: true })
  await writeFile(gateDir, '')
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'done'))
  t.equal(await gate('down'), 3)
  t.equal(api.gates.length, 1)
  t.match(log.text(), 'cannot be written')
})

t.test('a mistake in the configuration stops no drain that the coordinator can do', async (t) => {
  const { api, gate, log, config, file, record } = await openGate(t)
  await writeFile(file('coordinator.json'), JSON.stringify({ ...config, hostss: {} }))
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'done'))
  t.equal(await gate('down'), 0)
  t.match(await record(), { state: 'down' })
  t.match(log.text(), 'goes on with what can be read of the configuration')
  await api.vanish()
  t.equal(await gate('down'), 2)
  t.match(log.text(), 'knows no host to order itself')
})

t.test('a resource without a gate in the file: the coordinator may still run with the file as it was', async (t) => {
  const { api, gate, gateDir, log } = await openGate(t)
  api.onGate = (_resource, { state }) => ({ hold: state === 'up' ? null : 'redis/x/1' })
  api.progress = drained(progressOf('web1', 'done'))
  t.equal(await gate('down', 'redis'), 0)
  t.match(log.text(), /error goes on with what can be read .*resources\.redis\.gate must be "local"/)
  t.match(log.text(), /"drained":1,"of":1/)
  t.equal(await gate('up', 'redis'), 0, 'or what it drained would stay shut')
  t.match(await readFile(join(gateDir, 'redis'), 'utf8'), /"state":"up"/)
})

const gateless: readonly (readonly [resource: string, code: 'not-local' | 'unknown-resource', exit: number, RegExp])[] =
  [
    ['redis', 'not-local', 6, /resources\.redis\.gate must be "local" .* or disable io-guardian-gate@redis\.service/],
    ['nonsense', 'unknown-resource', 2, /no resource is named nonsense; there is postgresql, redis: .* disable io-/],
  ]
for (const [resource, code, exit, says] of gateless) {
  t.test(`a resource without a gate in the file, nor for the coordinator: ${resource}`, async (t) => {
    const { api, gate, log } = await openGate(t)
    api.onGate = () => {
      throw new GuardianError(code, 'not with me')
    }
    t.equal(await gate('up', resource), exit)
    t.equal(await gate('down', resource), exit)
    t.match(log.lines.at(-1), 'error the coordinator runs with another configuration, reload it: not with me; and')
    t.match(log.lines.at(-1), says)
    await api.vanish()
    t.equal(await gate('up', resource), exit, 'a coordinator that starts later reads the same file')
    t.equal(await gate('down', resource), exit)
  })
}

t.test('without a key the gate says which', async (t) => {
  const { api, gate, log, file } = await openGate(t)
  await chmod(file('psk'), 0o644)
  await api.vanish()
  t.equal(await gate('down'), 3)
  t.match(log.text(), /warn failed to drain .*"host":"web1".*others may read it/)
  t.notMatch(log.text(), line)
})

t.test('an unreadable record begins anew, above', async (t) => {
  const { api, gate, gateDir, record } = await openGate(t)
  api.onGate = () => ({ hold: null })
  for (const text of [
    '',
    'garbage',
    '{"state":"up"}',
    JSON.stringify({ state: 'up', seq: 3, bootId: 'f'.repeat(32) }),
  ]) {
    await writeFile(join(gateDir, 'postgresql'), text)
    t.equal(await gate('up'), 0)
    const seq = Number(Reflect.get(Object(await record()), 'seq'))
    t.ok(seq > 1_000, `${seq} is of this boot's clock`)
  }
})
