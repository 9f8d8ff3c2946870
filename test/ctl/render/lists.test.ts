import t from 'tap'
import { eventLine } from '../../../ctl/render/events.ts'
import { allHolds } from '../../../ctl/render/hold-list.ts'
import { holdsLines } from '../../../ctl/render/holds.ts'
import { hostLines, hostsLines, pingLines } from '../../../ctl/render/hosts.ts'
import { planLines, releaseLines } from '../../../ctl/render/plan.ts'
import { columnsOf, type Style, shortIds } from '../../../ctl/render/style.ts'
import { holdStatus, hostStatus, instance, nowMs, seatStatus } from '../../fakes/fleet-status.ts'
import { matchGolden } from '../golden.ts'

const style: Style = { columns: 80, color: false, unicode: false }
const anna = holdStatus('3f2a90c1aaaaaaaaaaaaaaaaaaaaaaaa', {
  hosts: ['web1', 'web2', 'web3'],
  except: ['web4'],
  selector: '@web',
})
const gate = holdStatus(`postgresql/${instance}/4711`, {
  owner: 'gate:postgresql',
  message: '',
  sinceMs: nowMs - 4_000,
  persisted: false,
})

t.test('holds that only agents have are listed too, the oldest first', async (t) => {
  const direct = { ...anna, id: 'direct/1', owner: 'direct' as const, sinceMs: 1 }
  const hosts = ['web1', 'web2'].map((name) => hostStatus(name, { targets: [seatStatus({ holds: [anna, direct] })] }))
  const found = allHolds({ holds: [gate, anna], hosts })
  t.strictSame(
    found.map(({ id }) => id),
    ['direct/1', anna.id, gate.id],
  )
  t.match(found[0], { hosts: ['web1', 'web2'], targets: ['io-databases'] })
})

t.test('holds', async (t) => {
  await matchGolden(t, 'holds', holdsLines(style, [anna, gate], nowMs))
  t.strictSame(holdsLines(style, [], nowMs), ['no holds: nothing is wanted drained'])
})

t.test('hosts', async (t) => {
  const hosts = [
    hostStatus('web1', { tags: ['web', 'eu'] }),
    hostStatus('web2', { connected: false, sinceMs: 5_000, reason: 'gone' }),
    hostStatus('db1', { tags: [], protocol: 'v1', targets: [seatStatus({ want: 'drained', is: 'acknowledged' })] }),
  ]
  await matchGolden(t, 'hosts', hostsLines(style, hosts))
  t.strictSame(hostsLines(style, []), ['no hosts'])
})

t.test('one host', async (t) => {
  const dependents = [
    { unit: 'app.service', active: 'deactivating', guarded: true, processes: 3 },
    { unit: 'old.service', active: 'inactive', guarded: false, processes: 1 },
  ]
  const seat = seatStatus({ want: 'drained', is: 'draining', holds: [anna, gate], dependents, breaches: 1 })
  await matchGolden(t, 'host', hostLines(style, hostStatus('web1', { targets: [seat] }), nowMs))
  const lost = hostStatus('web2', {
    connected: false,
    reason: 'no answer',
    roundTripMs: null,
    build: null,
    targets: [seatStatus({ is: null })],
  })
  await matchGolden(t, 'host-lost', hostLines(style, lost, nowMs))
})

t.test('ping', async (t) => {
  const hosts = [
    { host: 'web1', roundTripMs: 0.84, reason: '' },
    { host: 'web22', roundTripMs: 312, reason: '' },
    { host: 'web3', roundTripMs: null, reason: 'no answer in 3 s' },
  ]
  await matchGolden(t, 'ping', pingLines(style, { hosts }))
})

t.test('plans and releases', async (t) => {
  const waves = [
    { target: 'io-databases', hosts: ['web1', 'web2'] },
    { target: 'io-databases', hosts: ['db1'] },
    { target: 'io-storage', hosts: ['web1'] },
  ]
  await matchGolden(
    t,
    'plan',
    planLines(style, { hold: anna.id, persisted: true, hosts: ['db1', 'web1', 'web2'], waves }),
  )
  const stillHeld = ['web1', 'web2'].map((host) => ({ host, target: 'io-databases', holds: [gate] }))
  const answer = {
    released: [anna.id],
    narrowed: [{ hold: 'b'.repeat(32), except: ['web1'] }],
    hosts: ['web1', 'web2'],
    stillHeld,
  }
  const view = { dryRun: false, named: false, force: false }
  await matchGolden(t, 'release', releaseLines(style, answer, view))
  const nothing = { ...answer, released: [], narrowed: [] }
  await matchGolden(t, 'release-dry', releaseLines(style, nothing, { ...view, dryRun: true }))
  t.match(releaseLines(style, nothing, { ...view, force: true })[0], 'released nothing: no hold lies wholly within')
})

t.test('an event', async (t) => {
  const line = eventLine(style, {
    id: 'a-1',
    atMs: nowMs,
    what: 'hold-taken',
    text: 'new kernel',
    hold: anna.id,
    owner: 'operator:anna',
  })
  t.match(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}hold-taken {7}new kernel {2}by operator:anna {2}hold 3f2a/)
})

t.test('short ids are told apart', async (t) => {
  const ids = ['3f2a90c1aaaa', '3f2a90c1aabb', '7f2a90c1aabb', 'redis/0123456789/1', 'redis/0123456789/12']
  t.strictSame(
    [...shortIds(ids).values()],
    ['3f2a90c1aaa', '3f2a90c1aab', '7f2a90c1', 'redis/0123456789/1', 'redis/0123456789/12'],
  )
})

t.test('names in columns are read downwards', async (t) => {
  t.strictSame(columnsOf({ ...style, columns: 12 }, ['a1', 'a2', 'a3', 'a4', 'a5']), ['  a1  a3  a5', '  a2  a4'])
  t.strictSame(columnsOf(style, []), [])
})
