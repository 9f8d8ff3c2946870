import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { busAddressOf, openBus } from '../../../agent/adapters/bus.ts'
import { isWanted, messageBytes } from '../../../agent/adapters/bus-sieve.ts'
import { openUnits } from '../../../agent/adapters/units.ts'
import type { TargetView } from '../../../agent/core/state.ts'
import { GuardianError } from '../../../protocol/errors.ts'
import { startManager } from '../../hosts/manager.ts'
import { until } from '../../hosts/until.ts'
import { quietLog } from '../quiet-log.ts'
import { isQuiet, target } from './units-rig.ts'

t.test('addresses', async (t) => {
  t.strictSame(busAddressOf('private'), { path: '/run/systemd/private', direct: true })
  t.strictSame(busAddressOf('unix:path=/run/user/1/systemd/private'), {
    path: '/run/user/1/systemd/private',
    direct: true,
  })
  t.strictSame(busAddressOf('unix:path=/run/user/1/bus,guid=1'), { path: '/run/user/1/bus', direct: false })
  t.throws(() => busAddressOf('tcp:host=x'), GuardianError)
})

t.test('a bus that is not there, or does not answer, is refused in words', async (t) => {
  const path = join(tmpdir(), `guardian-bus-${randomBytes(4).toString('hex')}`)
  const refusal = async () =>
    String(await openBus(`unix:path=${path}/systemd/private`).catch((cause: unknown) => cause))
  t.match(await refusal(), /systemd does not answer on bus .*no such file.*"bus" may be system/)
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const cause: unknown = await openBus(`unix:path=${path}`).catch((each: unknown) => each)
  t.ok(cause instanceof GuardianError && cause.code === 'no-systemd', String(cause))
  await new Promise((resolve) => server.close(resolve))
  await rm(path, { force: true })
})

t.test('one that ends the connection in the middle of the handshake is refused', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'guardian-bus-'))
  await mkdir(join(dir, 'systemd'))
  for (const path of [join(dir, 'systemd/private'), join(dir, 'bus')]) {
    const server = createServer((socket) => socket.once('data', () => socket.end()))
    await new Promise<void>((resolve) => server.listen(path, resolve))
    const cause: unknown = await openBus(`unix:path=${path}`).catch((each: unknown) => each)
    t.ok(cause instanceof GuardianError && cause.code === 'no-systemd', String(cause))
    await new Promise((resolve) => server.close(resolve))
  }
  await rm(dir, { recursive: true })
})

// As on the system bus: systemd behind a message bus, where only what is asked for arrives.
t.test('systemd behind a message bus', async (t) => {
  await using host = await startManager({ name: 'bus' })
  for (const unit of ['dbus.socket', 'dbus.service']) {
    const text = await readFile(join('/usr/lib/systemd/user', unit), 'utf8')
    await host.writeUnit(unit, text.replace(/^(ExecStartPost|Slice)=.*$/gm, ''))
  }
  await host.daemonReload()
  await host.systemctl('start', 'dbus.socket', 'dbus.service')
  await host.writeGraph({ target, dependents: [{ unit: 'app.service' }, { unit: 'deep.service', on: 'app.service' }] })
  await host.systemctl('start', `${target}.target`)
  const address = `unix:path=${join(host.runDir, 'bus')}`
  const bus = await until('systemd is on the bus', () => openBus(address).catch(() => false as const))
  const views: TargetView[] = []
  const units = openUnits({
    bus,
    log: quietLog(),
    targets: [{ name: target, unit: `${target}.target`, dependents: [] }],
    told: (_target, view) => views.push(view),
  })
  for (let round = 1; round <= 3; round += 1) {
    await until('it is up', () => views.at(-1)?.dependents.filter(({ active }) => active === 'active').length === 2)
    const before = performance.now()
    units.stop(target, round)
    await until('quiet', () => views.some((view) => isQuiet(view, round)))
    t.ok(performance.now() - before < 8_000, 'seen by signals, not by the slow check')
    t.equal(await host.show('deep.service', 'ActiveState'), 'inactive')
    units.start(target)
  }
  await until('it is up again', () => views.at(-1)?.dependents.filter(({ active }) => active === 'active').length === 2)
  units[Symbol.dispose]()
  await bus[Symbol.asyncDispose]()
})

t.test('a whole message is told from half of one, and signals that mean nothing from the rest', async (t) => {
  t.equal(messageBytes(Buffer.alloc(15)), null)
  t.equal(messageBytes(message(1, 'Ping', 'x')), message(1, 'Ping', 'x').length)
  const rows: readonly [type: number, member: string, first: string, wanted: boolean][] = [
    [2, 'x', 'x', true],
    [3, 'x', 'x', true],
    [4, 'JobNew', 'x', true],
    [4, 'JobRemoved', 'x', true],
    [4, 'Reloading', 'x', true],
    [4, 'UnitNew', 'x', false],
    [4, 'PropertiesChanged', 'org.freedesktop.systemd1.Unit', true],
    [4, 'PropertiesChanged', 'org.freedesktop.systemd1.Service', false],
    [4, 'PropertiesChanged', 'org.freedesktop.systemd1.UnitX', false],
  ]
  for (const [type, member, first, wanted] of rows)
    t.equal(isWanted(message(type, member, first)), wanted, `${type} ${member} ${first}`)
})

/** A message with a member in its header and a string in its body, little endian. */
function message(type: number, member: string, first: string): Buffer {
  const fields = Buffer.from(`\x03\x01s\0${String.fromCharCode(member.length)}\0\0\0${member}\0`, 'latin1')
  const body = Buffer.from(`${String.fromCharCode(first.length)}\0\0\0${first}\0`, 'latin1')
  const head = Buffer.from([0x6c, type, 0, 1, body.length, 0, 0, 0, 1, 0, 0, 0, fields.length, 0, 0, 0])
  const padding = Buffer.alloc((8 - ((head.length + fields.length) % 8)) % 8)
  return Buffer.concat([head, fields, padding, body])
}
