import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { install } from '../../install/install.ts'
import { run } from '../hosts/manager.ts'
import { asked, databaseHost, fakeWorld, layOut, treeOf } from './machine.ts'

const units = '/etc/systemd/system'
const dropInOf = (resource: string) => `${units}/io-guardian-gate@${resource}.service.d/io-guardian.conf`

t.test('finds the databases that are here, and puts a gate before each', async (t) => {
  const root = t.testdir()
  await layOut(root, databaseHost)
  const world = fakeWorld()
  await install(asked('coordinator', root), world)
  const tree = await treeOf(root)
  t.strictSame(JSON.parse(tree['/etc/guardian/coordinator.json'] ?? ''), {
    hosts: {},
    resources: {
      postgresql: { probe: { type: 'postgres', host: '127.0.0.1', port: 5432 }, gate: 'local' },
      redis: { probe: { type: 'redis', host: '127.0.0.1', port: 6379 }, gate: 'local' },
    },
  })
  t.match(
    tree[dropInOf('postgresql')],
    '[Unit]\nBindsTo=postgresql@15-main.service\nAfter=postgresql@15-main.service\n\n[Install]\nWantedBy=postgresql@15-main.service\n',
  )
  t.match(tree[dropInOf('redis')], 'BindsTo=redis-server.service\n')
  const wants = Object.keys(tree).filter((path) => path.includes('.wants/'))
  t.strictSame(
    wants.map((path) => path.slice(units.length + 1)),
    [
      'io-database-coordinator.service.wants/io-guardian-gate@postgresql.service',
      'io-database-coordinator.service.wants/io-guardian-gate@redis.service',
      'multi-user.target.wants/io-database-coordinator.service',
      'multi-user.target.wants/io-guardian-coordinator.service',
      'postgresql@15-main.service.wants/io-guardian-gate@postgresql.service',
      'redis-server.service.wants/io-guardian-gate@redis.service',
    ],
  )
  const said = world.said.join('\n')
  t.match(said, 'next: make the key of the fleet: guardian keygen --out /etc/guardian/fleet.key')
  t.match(said, 'next: name the hosts in /etc/guardian/coordinator.json')
  t.match(said, 'next: let people order the fleet: usermod -aG io-guardian-operators')
  const again = fakeWorld()
  await install(asked('coordinator', root), again)
  t.equal(again.said[0], 'nothing to change')
})

const local = (probe: object, rest: object = {}) => ({ resources: { db: { probe, gate: 'local', ...rest } } })
const postgres = (port: number) => local({ type: 'postgres', port })
const service = '[Service]\n'
const cluster =
  (port: number, start = 'auto') =>
  (name: string) => ({
    [`/etc/postgresql/${name}/postgresql.conf`]: `port=${port}\n`,
    [`/etc/postgresql/${name}/start.conf`]: `${start}\n`,
  })

const found: readonly [what: string, config: object, files: Readonly<Record<string, string>>, binds: string | null][] =
  [
    [
      'the cluster on the probed port',
      postgres(5433),
      { ...cluster(5432)('15/main'), ...cluster(5433)('17/new') },
      'postgresql@17-new.service',
    ],
    ['no cluster that is not started', postgres(5432), cluster(5432, 'manual')('15/main'), null],
    [
      'no umbrella of Debian',
      postgres(5432),
      { '/lib/systemd/system/postgresql.service': service, '/lib/systemd/system/postgresql@.service': service },
      null,
    ],
    [
      'a PostgreSQL without instances',
      postgres(5432),
      { '/usr/lib/systemd/system/postgresql.service': service },
      'postgresql.service',
    ],
    [
      'valkey for redis',
      local({ type: 'redis' }),
      { '/usr/lib/systemd/system/valkey-server.service': service },
      'valkey-server.service',
    ],
    ['the unit that is probed', local({ type: 'unit', unit: 'nfs-server.service' }), {}, 'nfs-server.service'],
    ['nothing where only a port is known', local({ type: 'tcp', host: 'localhost', port: 1 }), {}, null],
  ]
for (const [what, config, files, binds] of found) {
  t.test(`finds ${what}`, async (t) => {
    const root = t.testdir()
    await layOut(root, { ...files, '/etc/guardian/coordinator.json': JSON.stringify(config) })
    const world = fakeWorld()
    await install(asked('coordinator', root), world)
    const dropIn = (await treeOf(root))[dropInOf('db')]
    if (binds !== null) {
      t.match(dropIn, `BindsTo=${binds}\nAfter=${binds}\n`)
      return
    }
    t.equal(dropIn, undefined)
    t.match(world.said.join('\n'), 'next: say which unit holds the data of db: guardian install coordinator --gate db=')
  })
}

t.test('a person knows better, once and for all', async (t) => {
  const root = t.testdir()
  const config = local({ type: 'postgres' }, { gateDeadline: '2min' })
  await layOut(root, { ...databaseHost, '/etc/guardian/coordinator.json': JSON.stringify(config) })
  const gates = new Map([['db', ['a.service', 'b.service']]])
  await install(asked('coordinator', root, { gates }), fakeWorld())
  const tree = await treeOf(root)
  t.match(
    tree[dropInOf('db')],
    'BindsTo=a.service b.service\nAfter=a.service b.service\n\n[Service]\nTimeoutStopSec=2min30s\n\n[Install]\nWantedBy=a.service b.service\n',
  )
  await install(asked('coordinator', root), fakeWorld())
  t.strictSame(await treeOf(root), tree)
})

t.test('a gate that the configuration has no more goes, and the others stay', async (t) => {
  const root = t.testdir()
  await layOut(root, databaseHost)
  await install(asked('coordinator', root), fakeWorld())
  const before = await treeOf(root)
  const config = { resources: { postgresql: { probe: { type: 'postgres' }, gate: 'local' }, redis: {} } }
  await layOut(root, { '/etc/guardian/coordinator.json': JSON.stringify(config) })
  const world = fakeWorld()
  await install(asked('coordinator', root), world)
  const after = await treeOf(root)
  const gone = Object.keys(before).filter((path) => !(path in after))
  t.strictSame(gone, [
    `${units}/io-database-coordinator.service.wants/io-guardian-gate@redis.service`,
    dropInOf('redis'),
    `${units}/redis-server.service.wants/io-guardian-gate@redis.service`,
  ])
  t.ok(world.said.includes(`removed ${dropInOf('redis')}`))
  t.notOk(existsSync(dirname(join(root, dropInOf('redis')))), 'nor is its directory left')
  const again = fakeWorld()
  await install(asked('coordinator', root), again)
  t.equal(again.said[0], 'nothing to change')
})

t.test('refuses a gate that the configuration does not have here', async (t) => {
  const root = t.testdir()
  await layOut(root, { '/etc/guardian/coordinator.json': '{ "resources": { "db": {} } }' })
  const gates = new Map([['db', ['a.service']]])
  await t.rejects(install(asked('coordinator', root, { gates }), fakeWorld()), {
    message: /resources\.db\.gate must be "local"/,
  })
})

t.test('systemd finds nothing to say about what is laid out', async (t) => {
  const root = t.testdir()
  await layOut(root, databaseHost)
  await install(asked('coordinator', root), fakeWorld({ program: process.execPath }))
  await install(asked('agent', root, { dependents: ['redis-server'] }), fakeWorld({ program: process.execPath }))
  const path = [join(root, units), join(root, 'lib/systemd/system')].join(':')
  const names = ['io-guardian-gate@postgresql.service', 'io-guardian-gate@redis.service', 'io-databases.target']
  const { PATH = '' } = process.env
  const verified = await run('systemd-analyze', ['verify', ...names], { PATH, SYSTEMD_UNIT_PATH: `${path}:` })
  t.strictSame(verified, { code: 0, stdout: '', stderr: '' })
})
