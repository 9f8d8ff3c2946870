import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { dropIn } from '../../doctor/core/finding.ts'
import { install } from '../../install/install.ts'
import { type AskedRemoval, readOptions, stopUnits, uninstall } from '../../install/uninstall.ts'
import { asked, databaseHost, fakeWorld, layOut, treeOf, webHost } from './machine.ts'

const wait = 'wait-for-io-databases.service'

const removal = (role: AskedRemoval['role'], prefix: string, over: Partial<AskedRemoval> = {}): AskedRemoval => ({
  role,
  prefix,
  purge: false,
  keepState: false,
  dryRun: false,
  ...over,
})

/** A machine with both roles, a target of its own, and services that others enabled. */
async function installed(root: string): Promise<Readonly<Record<string, string>>> {
  await layOut(root, { ...databaseHost, ...webHost, '/etc/systemd/system/web.service.d/limits.conf': '[Service]\n' })
  await mkdir(join(root, 'etc/systemd/system/multi-user.target.wants'))
  await symlink('/lib/systemd/system/web.service', join(root, 'etc/systemd/system/multi-user.target.wants/web.service'))
  const before = await treeOf(root)
  const config = { targets: { 'io-databases': {}, storage: { unit: 'io-storage.target' } } }
  await layOut(root, { '/etc/guardian/agent.json': JSON.stringify(config), '/etc/guardian/psk': 'key' })
  await install(asked('agent', root, { dependents: ['web', 'report'], target: 'storage' }), fakeWorld())
  await install(asked('coordinator', root), fakeWorld())
  await mkdir(join(root, 'var/lib/io-guardian/drained'), { recursive: true })
  await writeFile(join(root, 'var/lib/io-guardian/drained/io-databases'), '')
  await mkdir(join(root, 'var/lib/io-guardian-coordinator'), { recursive: true })
  await writeFile(join(root, 'var/lib/io-guardian-coordinator/store.sqlite'), '')
  await layOut(root, { '/run/io-guardian-gate@postgresql/psk': '' })
  const timers = join(root, 'etc/systemd/system/timers.target.wants')
  await mkdir(timers)
  await symlink('../io-guardian-rollout@.timer', join(timers, 'io-guardian-rollout@nightly.timer'))
  return before
}

t.test('takes away all but keys and configurations, and those with --purge', async (t) => {
  const root = t.testdir()
  const before = await installed(root)
  await uninstall(removal('agent', root), fakeWorld())
  const half = Object.keys(await treeOf(root))
  t.ok(half.includes('/etc/systemd/system/io-guardian-coordinator.service'), 'the other role stays')
  t.notMatch(half.join('\n'), /io-guardian\.service|io-storage|io-databases\.target|web\.service\.d\/io/)
  await uninstall(removal('coordinator', root), fakeWorld())
  const kept = { '/etc/guardian/agent.json': '', '/etc/guardian/coordinator.json': '', '/etc/guardian/psk': '' }
  t.strictSame(Object.keys(await treeOf(root)).toSorted(), Object.keys({ ...before, ...kept }).toSorted())
  await uninstall(removal('agent', root, { purge: true }), fakeWorld())
  await uninstall(removal('coordinator', root, { purge: true }), fakeWorld())
  t.strictSame(await treeOf(root), before)
  const again = fakeWorld()
  await uninstall(removal('agent', root, { purge: true }), again)
  t.strictSame(again.said, ['nothing to remove'])
})

t.test('a dry run removes nothing and names all', async (t) => {
  const root = t.testdir()
  await installed(root)
  const before = await treeOf(root)
  const world = fakeWorld()
  await uninstall(removal('agent', root, { dryRun: true, purge: true }), world)
  t.strictSame(await treeOf(root), before)
  const said = world.said.join('\n')
  for (const path of ['/etc/systemd/system/io-storage.target', '/var/lib/io-guardian', '/etc/guardian/psk']) {
    t.match(said, `would remove ${path}`)
  }
})

t.test('with --keep-state the state stays', async (t) => {
  const root = t.testdir()
  await installed(root)
  await uninstall(removal('coordinator', root, { keepState: true }), fakeWorld())
  t.ok('/var/lib/io-guardian-coordinator/store.sqlite' in (await treeOf(root)))
})

t.test('what a package has brought stays the package’s; what starts it goes', async (t) => {
  const root = t.testdir()
  const units = '/usr/lib/systemd/system'
  await layOut(root, {
    [`${units}/io-databases.target`]: '',
    '/usr/lib/sysusers.d/io-guardian.conf': '',
    '/etc/passwd': 'io-guardian:x:999:999::/:/bin/false\n',
  })
  const before = await treeOf(root)
  const wants = join(root, 'etc/systemd/system/multi-user.target.wants')
  await mkdir(wants, { recursive: true })
  await symlink(`${units}/io-databases.target`, join(wants, 'io-databases.target'))
  const world = fakeWorld()
  await uninstall(removal('agent', root), world)
  t.strictSame(await treeOf(root), before)
  t.notMatch(world.said.join('\n'), 'account')
})

t.test('what a doctor has printed goes, too, and what somebody else wrote is named', async (t) => {
  const root = t.testdir()
  const before = await installed(root)
  const place = { unitDir: '/etc/systemd/system' }
  for (const { path, lines } of [
    dropIn(place, 'chat@.service', 'io-databases', ['[Unit]', 'Requires=io-databases.target']),
    dropIn(place, 'io-guardian-gate@redis.service', 'stop-limit', ['[Service]', 'TimeoutStopSec=5min']),
  ])
    await layOut(root, { [path]: `${lines.join('\n')}\n` })
  await layOut(root, { '/etc/systemd/system/mine.service': '[Unit]\nRequires=network.target io-storage.target\n' })
  const world = fakeWorld()
  await uninstall(removal('agent', root, { purge: true }), world)
  await uninstall(removal('coordinator', root, { purge: true }), world)
  t.strictSame(Object.keys(await treeOf(root)), [...Object.keys(before), '/etc/systemd/system/mine.service'].toSorted())
  t.match(world.said.join('\n'), 'next: take io-storage.target out of /etc/systemd/system/mine.service: ')
})

t.test('a target on which others still hang is not stopped', async (t) => {
  const answers = {
    'systemctl show --value -p RequiredBy -p BoundBy -p ConsistsOf io-databases.target': `\nmine.service\n\n${wait}\n`,
  }
  const world = fakeWorld({ systemd: true }, answers)
  await stopUnits(
    'agent',
    { units: ['io-guardian.service'], targets: [{ target: 'io-databases.target', wait }] },
    world,
  )
  t.strictSame(
    world.ran.filter((command) => command.startsWith('systemctl stop')),
    ['systemctl stop io-guardian.service'],
  )
  t.strictSame(world.said, [
    'ran systemctl daemon-reload',
    'left io-databases.target as it is: a stop of it would stop mine.service',
    'stopped io-guardian.service',
  ])
})

t.test('below a prefix no account is touched, nor is one promised', async (t) => {
  const root = t.testdir()
  await layOut(root, { '/etc/passwd': 'io-guardian:x:999:999::/:/bin/false\n' })
  const world = fakeWorld()
  await uninstall(removal('agent', root, { dryRun: true }), world)
  t.strictSame(world.said, ['nothing to remove'])
})

t.test('understands its arguments', async (t) => {
  t.match(readOptions(['agent', '--purge', '--dry-run']), { role: 'agent', purge: true, dryRun: true, prefix: '' })
  t.equal(readOptions(['--help']), 'help')
  for (const argv of [[], ['web'], ['agent', 'x'], ['agent', '--prune'], ['agent', '--prefix', '']]) {
    t.throws(() => readOptions(argv), { code: 'bad-request', message: /^guardian uninstall: .*; see --help$/ })
  }
})
