import { appendFile, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { generateKey } from '../../protocol/keys.ts'
import { sessions, shop } from './cast.ts'
import { debianPackage } from './deb.ts'
import type { Host } from './host.ts'
import { configFile, postgresUnits, startDatabases } from './io.ts'
import { layClient, layServer } from './io-guardian.ts'
import { type Lab, noLab, openLab } from './lab.ts'
import { postgresToldToStop } from './order.ts'
import { type Command, consolesOf, hostOf, type, typedOn } from './page.ts'
import { momentsOf, runningAt } from './unit-history.ts'
import { until } from './until.ts'

// Types in what docs/migrating.md says, and after each command that touches a unit stops PostgreSQL: every service of
// every host must have stopped before it is told to.

const page = fileURLToPath(new URL('../../docs/migrating.md', import.meta.url))
const workers = [shop, sessions]
const services = workers.map(({ unit }) => unit)
const postgres = postgresUnits.bookworm
const old = 'io-guardian-v1.service'
const undoing = 'guardian ctl --direct --v1 --hosts web1,web2 --psk-file /etc/io-guardian/psk undrain --trust-v1'

t.setTimeout(1_800_000)
t.test('from IO Guardian to guardian, as the page says', { skip: noLab, bail: true }, async (t) => {
  await using lab = await openLab()
  const hosts = await ioGuardian(lab)
  const io = hostOf(hosts, 'io')
  const consoles = await consolesOf(page)
  const part = (name: string | number) => consoles.filter(({ section }) => new RegExp(`^${name}\\b`).test(section))
  const play = (name: string, typed: readonly Command[]) => {
    return t.test(name, async (t) => {
      for (const command of typed) await typeAndStop(t, hosts, command)
    })
  }

  await t.test('IO Guardian itself', async (t) => databaseStopsLast(t, hosts, 'nothing was changed'))
  await play('1. before', typedOn(part(1), 'web1'))
  await play('2. an agent on web1', typedOn(part(2), 'web1'))
  await play('back to the server on web1', typedOn(part('Back'), 'web1'))
  for (const name of ['web1', 'web2']) await play(`2. an agent on ${name}`, typedOn(part(2), 'web1', name))
  await play('3. the coordinator', typedOn(part(3), 'web1'))
  for (const name of ['web1', 'web2']) await play(`4. ${name} expects the coordinator`, typedOn(part(4), 'web1', name))
  await t.test('5. the last host of IO Guardian, while it is one', async (t) => {
    const { stdout } = await io.tried('journalctl', '-u', 'io-guardian-gate@postgresql.service', '-o', 'cat')
    t.match(stdout, 'acknowledged the drain, which v1 cannot confirm resource=postgresql host=old1')
  })
  await play('5. an agent on old1', [
    ...typedOn(part(1), 'web1', 'old1').filter(({ host, text }) => host === 'old1' || text.includes('old1')),
    ...typedOn(part(2), 'web1', 'old1')
      .map(withoutV1)
      .filter(({ text }) => !/v1\.psk|--v1/.test(text)),
    { host: 'io', text: `sed -i 's/, "protocol": "v1"//' ${configFile}` },
    { host: 'io', text: 'systemctl reload io-guardian-coordinator.service' },
    { host: 'io', text: 'guardian ctl ping' },
  ])
  const [onHosts, ...onIo] = part(6)
  if (onHosts === undefined) throw new Error('the page has no part 6')
  for (const name of ['web1', 'web2']) await play(`6. no v1 on ${name}`, typedOn([onHosts], 'web1', name))
  await io.run('sed', '-i', '/"v1PskFile"/d', configFile)
  await play('6. no v1 on io', typedOn(onIo, 'web1'))

  await t.test('what is left is guardian, and well', async (t) => {
    for (const host of hosts) {
      t.equal((await host.tried('guardian', 'doctor')).code, 0, `doctor on ${host.name}`)
      t.equal((await host.run('systemctl', '--failed', '--no-legend')).trim(), '', `nothing failed on ${host.name}`)
    }
    t.match((await io.tried('guardian', 'ctl', 'status')).stdout, '3 hosts: 3 open')
  })
})

/** A fleet of IO Guardian's, everything open. */
async function ioGuardian(lab: Lab): Promise<readonly Host[]> {
  const file = await debianPackage(lab.directory)
  const io = await lab.addHost('io', 'bookworm')
  const others: Host[] = []
  // One after the other, so that each has the address that the page gives it.
  for (const name of ['web1', 'web2', 'old1'])
    others.push(await lab.addHost(name, name === 'web2' ? 'trixie' : 'bookworm'))
  const hosts = [io, ...others]
  await Promise.all(hosts.map((host) => host.boot()))
  for (const host of hosts) {
    await copyFile(file, join(host.root, 'root/guardian_0.1.0_amd64.deb'))
    for (const { name, address } of hosts) await appendFile(join(host.root, 'etc/hosts'), `${address} ${name}\n`)
  }
  await startDatabases(io)
  const key = generateKey()
  await Promise.all(others.map((host) => layServer(host, workers, key)))
  await layClient(io, others, `${postgres} redis-server.service`, key)
  await Promise.all(others.map((host) => untilRunning(host, services)))
  return hosts
}

function withoutV1({ host, text }: Command): Command {
  return { host, text: text.replaceAll(/^ *"(acceptV1|v1PskFile|expectCoordinator)".*\n/gm, '') }
}

const touchesUnits = /\b(systemctl (?!is-active)|guardian install |dpkg |mv |rm )/

async function typeAndStop(t: Test, hosts: readonly Host[], command: Command): Promise<void> {
  const { host: name, text } = command
  const { code, stdout, stderr } = await type(hosts, command)
  const isDown = text.startsWith('systemctl is-active')
  t.equal(code, isDown ? 3 : 0, `${name}# ${text.split('\n')[0]}\n${stdout}${stderr}`)
  if (isDown) t.match(stdout, /^(inactive\n)+$/)
  if (!touchesUnits.test(text)) return
  const host = hostOf(hosts, name)
  const before = await runningOn(host)
  await databaseStopsLast(t, hosts, `${name}# ${text.split('\n')[0]}`)
  // The old client's undrain has opened what the command had stopped.
  if ((await runningOn(host)).length > before.length) await type(hosts, command)
}

/** A stop of PostgreSQL stops every service of every host first; afterwards all is as it was. */
async function databaseStopsLast(t: Test, hosts: readonly Host[], after: string): Promise<void> {
  const io = hostOf(hosts, 'io')
  const others = hosts.filter((host) => host !== io)
  const before = await Promise.all(others.map(runningOn))
  const since = Date.now() * 1_000
  await io.systemctl('stop', postgres)
  const told = await postgresToldToStop({ io }, since)
  const running = await Promise.all(
    others.map(async (host) => {
      const moments = momentsOf(await host.journal(0), services)
      return runningAt(moments, told).map((unit) => `${unit} of ${host.name}`)
    }),
  )
  t.strictSame(running.flat(), [], `${before.flat().length} services had stopped, after ${after}`)
  await io.systemctl('start', postgres)
  // Stopped with the database, the old client does not come back by itself; where it is gone for good, the page says how
  // to undo what it ordered.
  for (const unit of ['io-database-coordinator.service', old]) await io.tried('systemctl', 'start', unit)
  const { stdout } = await io.tried('guardian', 'ctl', 'holds')
  if (/^v1\//m.test(stdout)) await io.run('bash', '-c', undoing)
  await Promise.all(others.map((host, at) => untilRunning(host, before[at] ?? [])))
}

async function runningOn(host: Host): Promise<readonly string[]> {
  return [...(await host.states(services))].filter(([, state]) => state === 'active').map(([unit]) => unit)
}

function untilRunning(host: Host, units: readonly string[]): Promise<boolean> {
  const running = async () => units.length === 0 || [...(await host.states(units)).values()].every(isActive)
  return until(`${units.join(', ')} run on ${host.name}`, running)
}

const isActive = (state: string) => state === 'active'
