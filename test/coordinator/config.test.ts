import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadCoordinatorConfig } from '../../coordinator/config.ts'
import { GuardianError } from '../../protocol/errors.ts'

const whole = {
  hosts: {
    web1: { address: '198.18.0.11', tags: ['web'], targets: ['io-databases'] },
    db1: { address: '198.18.0.12', port: 9877, keyName: 'old-db1' },
  },
  resources: {
    postgresql: { probe: { type: 'postgres', host: 'io' }, gate: 'local', gateDeadline: '3min' },
    share: { gate: 'none' },
  },
  targets: {
    'io-databases': { needs: ['postgresql'], waves: ['@web', '!@web'], drainDeadline: '90s' },
    shares: { needs: ['share'] },
  },
  pskFile: '/etc/guardian/psk',
  unreachableGrace: '20s',
  heartbeat: { every: '4s', lost: '12s' },
}

t.test('a whole file', async (t) => {
  const config = await load(t, whole)
  t.equal(config.plan.hosts.get('web1')?.targets.join(), 'io-databases')
  t.equal(config.plan.hosts.get('db1')?.targets.join(), 'io-databases,shares', 'every target where none is named')
  t.equal(config.dials.get('db1')?.keyName, 'old-db1')
  t.equal(config.dials.get('web1')?.keyName, 'web1')
  t.strictSame(config.plan.resources.get('postgresql')?.gate, { limitMs: 180_000 })
  t.equal(config.plan.resources.get('share')?.gate, null)
  t.equal(config.plan.targets.get('io-databases')?.drainLimitMs, 90_000)
  t.strictSame(config.heartbeat, { everyMs: 4_000, lostMs: 12_000 })
  t.strictSame([...config.probes.keys()], ['postgresql'])
})

t.test('an empty file means one target that needs every resource', async (t) => {
  const config = await load(t, { resources: { redis: {} } })
  t.strictSame(config.plan.targets.get('io-databases')?.needs, ['redis'])
  t.equal(config.keys, 'derived')
})

const refusals: readonly [name: string, config: object, ...says: string[]][] = [
  ['an unknown key', { ...whole, hots: {} }, 'hots', 'did you mean "hosts"'],
  ['an unknown key of a host', { hosts: { web1: { address: 'a', tag: [] } } }, 'hosts.web1.tag', 'tags'],
  ['a bad duration', { unreachableGrace: '20 sec' }, 'unreachableGrace', '"20 sec"', '90s'],
  [
    'an unknown resource',
    { targets: { a: { needs: ['pg'] } }, resources: { db: {} } },
    'targets.a.needs.0',
    '"pg"',
    'db',
  ],
  [
    'an unknown target',
    { hosts: { web1: { address: 'a', targets: ['x'] } }, targets: { a: {} } },
    'hosts.web1.targets.0',
    'no target is named x',
    'there is a',
  ],
  ['a bad selector', { targets: { a: { waves: ['@web', 'a b'] } } }, 'targets.a.waves.1', '"a b"'],
  [
    'waves that take longer than a gate may',
    { ...whole, resources: { ...whole.resources, postgresql: { gate: 'local', gateDeadline: '90s' } } },
    'targets.io-databases.waves',
    '2 waves of drainDeadline 1min30s take 3min',
    'resources.postgresql.gateDeadline is 1min30s',
  ],
  [
    'hosts in no wave, which are one more',
    {
      hosts: { web1: { address: 'a', tags: ['web'] }, db1: { address: 'b' } },
      resources: { a: { gate: 'local', gateDeadline: '90s' } },
      targets: { t: { needs: ['a'], waves: ['@web'] } },
    },
    'targets.t.waves',
    '2 waves (the last of hosts that no selector matches)',
  ],
  [
    'one wave that takes longer',
    { resources: { a: { gate: 'local', gateDeadline: '30s' } }, targets: { t: { needs: ['a'] } } },
    '1 wave of drainDeadline',
  ],
  [
    'two hosts at one place',
    { hosts: { a: { address: '198.18.0.1' }, b: { address: '198.18.0.1', port: 9876 } } },
    'hosts.b.address',
    'already that of host a',
  ],
  [
    'two hosts with one key',
    { hosts: { a: { address: '198.18.0.1' }, b: { address: '198.18.0.2', keyName: 'a' } } },
    'hosts.b.keyName',
    'already that of host a',
  ],
  ['a v1 host without its key', { hosts: { a: { address: 'a', protocol: 'v1' } } }, 'hosts.a.protocol', 'v1PskFile'],
  ['a heartbeat that is lost too soon', { heartbeat: { every: '12s', lost: '12s' } }, 'heartbeat.lost', 'longer than'],
  ['a bad probe', { resources: { a: { probe: { type: 'mysql' } } } }, 'resources.a.probe.type', '"mysql"', 'postgres'],
  ['a bad name', { hosts: { 'a b': { address: 'x' } } }, 'hosts.a b', 'letters'],
]

for (const [name, config, ...says] of refusals) {
  t.test(`refuses ${name}`, async (t) => {
    const file = write(t.testdir(), config)
    const refusal = await loadCoordinatorConfig(file).then(
      () => null,
      (cause: unknown) => cause,
    )
    if (!(refusal instanceof GuardianError)) throw new Error(`not refused: ${String(refusal)}`)
    t.equal(refusal.code, 'bad-config')
    for (const text of [file, ...says]) t.match(refusal.message, text)
  })
}

t.test('a file of a token is the daemon’s to read, for a gate needs none', async (t) => {
  const token = { name: 'p', file: '/nowhere', may: 'read' }
  const { api } = await load(t, { api: { listen: {}, tokens: [token] } })
  t.strictSame(api, { listen: { address: '127.0.0.1', port: 9877 }, tokens: [token] })
})

function write(dir: string, config: object): string {
  const file = join(dir, 'coordinator.json')
  writeFileSync(file, JSON.stringify(config))
  return file
}
function load(t: Test, config: object) {
  return loadAt(t.testdir(), config)
}
function loadAt(dir: string, config: object) {
  return loadCoordinatorConfig(write(dir, config))
}
