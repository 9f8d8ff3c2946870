import t from 'tap'
import { drainProgress } from '../../../coordinator/core/progress.ts'
import { Fleet, openFleet } from './scene.ts'
import { fleetHold, held, idOf, planOf, reportOf, resourceOf, specOf, targetOf } from './shapes.ts'

const wide = (more: Parameters<typeof fleetHold>[1] = {}) =>
  fleetHold('x1', { selector: '@web', members: new Set(['a1']), ...more })
const members = (fleet: Fleet) => [...(fleet.state.holds.get('x1')?.members ?? [])]
const web = ['web']

t.test('a new host that matches joins, and its membership is saved', async (t) => {
  const fleet = openFleet({ holds: [wide()] })
  fleet.send({ type: 'configured', plan: planOf({ hosts: [specOf('a1'), specOf('b1', { tags: [] }), specOf('c1')] }) })
  t.strictSame(members(fleet), ['a1', 'c1'])
  t.match(fleet.lastSave, { claim: { revision: 8 }, put: [{ id: 'x1' }] })
  fleet.join('c1', reportOf('open'))
  t.strictSame(fleet.orders, ['drain c1'])
})

t.test('a host whose tags change stays until the release, and one that gets them joins', async (t) => {
  const fleet = openFleet({ holds: [wide()] })
  fleet.send({ type: 'configured', plan: planOf({ hosts: [specOf('a1', { tags: [] }), specOf('b1', { tags: web })] }) })
  t.strictSame(members(fleet), ['a1', 'b1'])
})

t.test('an exception stays one', async (t) => {
  const fleet = openFleet({ holds: [wide({ except: new Set(['c1']) })] })
  fleet.send({ type: 'configured', plan: planOf({ hosts: [specOf('a1'), specOf('c1')] }) })
  t.strictSame(members(fleet), ['a1'])
})

t.test('a host without the target does not join', async (t) => {
  const fleet = openFleet({ holds: [wide()] })
  const plan = planOf({
    hosts: [specOf('a1'), specOf('c1', { targets: ['share'] })],
    targets: [targetOf(), targetOf('share')],
  })
  fleet.send({ type: 'configured', plan })
  t.strictSame(members(fleet), ['a1'])
})

t.test('an orphan is the word of its carriers: it drains no other, readable or not', async (t) => {
  for (const selector of ['*', 'cannot read this']) {
    const fleet = openFleet({ holds: [wide({ orphan: true, selector })] })
    fleet.send({ type: 'configured', plan: planOf({ hosts: [specOf('a1'), specOf('c1')] }) })
    t.strictSame(members(fleet), ['a1'])
    t.equal(fleet.saves.length, 0)
  }
})

t.test('a target that is new and that the agent does not have fails at once, not at the deadline', async (t) => {
  const fleet = openFleet({ plan: planOf({ hosts: [specOf('a1'), specOf('old', { protocol: 'v1' })] }) })
  const both = ['db', 'share']
  const plan = planOf({
    hosts: [specOf('a1', { targets: both }), specOf('old', { protocol: 'v1', targets: both }), specOf('c1')],
    targets: [targetOf(), targetOf('share')],
  })
  fleet.send({ type: 'configured', plan })
  t.match(fleet.seat('a1', 'share').trouble, { is: 'failed', reason: /has no target named share; it has: db/ })
  t.equal(fleet.seat('a1').trouble, null)
  t.notOk(fleet.state.hosts.get('old')?.seats.has('share'), 'a v1 server names none')
  fleet.drain('h1', { target: 'share', selector: 'a1' })
  t.match(drainProgress(fleet.state, idOf('h1'), fleet.nowMs), { settled: true, hosts: [{ is: 'failed' }] })
  fleet.up('a1')
  t.equal(fleet.seat('a1', 'share').trouble, null, 'until it is restarted with it')
})

t.test('links and reports of hosts that stay are untouched', async (t) => {
  const fleet = openFleet()
  const before = fleet.state.hosts.get('a1')
  fleet.probe(true)
  fleet.send({
    type: 'configured',
    plan: planOf({ hosts: [specOf('a1'), specOf('c1')], resources: [resourceOf(), resourceOf('s3')] }),
  })
  t.equal(fleet.state.hosts.get('a1'), before)
  t.match(fleet.state.hosts.get('c1'), { link: { is: 'down', reason: 'not connected yet' } })
  t.equal(fleet.state.hosts.has('b1'), false)
  t.equal(fleet.state.resources.get('pg')?.ready, true)
  t.match(fleet.state.resources.get('s3'), { ready: false, reason: 'not probed yet', gate: null })
  t.equal(fleet.saves.length, 0, 'nothing that is wanted has changed')
})

t.test('what follows is ordered at once', async (t) => {
  const fleet = openFleet({ holds: [wide({ members: new Set(['a1', 'b1']), selector: 'a1,b1' })] })
  fleet.report('a1', reportOf('drained', [held('x1')]))
  fleet.nowMs += 60_000
  fleet.send({ type: 'configured', plan: planOf() })
  t.strictSame(fleet.orders, ['drain b1'])
})

t.test('a v1 host that joins is owed an undrain; so is one that becomes v1', async (t) => {
  const joining = openFleet({ holds: [wide()] })
  joining.send({ type: 'configured', plan: planOf({ hosts: [specOf('a1'), specOf('c1', { protocol: 'v1' })] }) })
  t.strictSame(joining.lastSave.owedUndrain, [{ seat: 'c1/db', owed: true }])
  t.ok(joining.state.owedUndrain.has('c1/db'))
  const becoming = openFleet({ holds: [wide()] })
  becoming.send({ type: 'configured', plan: planOf({ hosts: [specOf('a1', { protocol: 'v1' })] }) })
  t.strictSame(becoming.lastSave.owedUndrain, [{ seat: 'a1/db', owed: true }])
  t.equal(becoming.lastSave.claim.revision, 7, 'no hold has changed')
})

t.test('a host that is gone, or cannot report, is not awaited', async (t) => {
  const fleet = new Fleet({ awaiting: ['a1', 'b1'] })
  fleet.send({ type: 'configured', plan: planOf({ hosts: [specOf('a1', { protocol: 'v1' })] }) })
  t.equal(fleet.state.awaiting.size, 0)
  t.match(fleet.lastSave, { awaiting: [], claim: { revision: 7 } })
})

t.test('on a full store the new members are drained, and saved later', async (t) => {
  const fleet = openFleet({ holds: [wide()] })
  fleet.isFull = true
  fleet.send({ type: 'configured', plan: planOf({ hosts: [specOf('a1'), specOf('c1')] }) })
  t.match(fleet.state.holds.get('x1'), { persisted: false })
  t.equal(fleet.state.claim.revision, 7)
  fleet.isFull = false
  fleet.tick()
  t.match(fleet.lastSave, { claim: { revision: 8 }, put: [{ id: 'x1', persisted: true }] })
})

t.test('a start knows what the store says, and whom nobody has told of', async (t) => {
  const plan = planOf({ hosts: [specOf('a1'), specOf('c1'), specOf('d1', { protocol: 'v1' })] })
  const fleet = new Fleet({ plan, holds: [wide()], released: ['x9'], owed: ['z1/db'], awaiting: ['a1', 'gone', 'd1'] })
  t.strictSame(members(fleet), ['a1', 'c1', 'd1'], 'configured while no coordinator ran')
  t.equal(fleet.state.holds.get('x1')?.persisted, false)
  t.strictSame([...fleet.state.owedUndrain], ['z1/db', 'd1/db'])
  t.strictSame([...fleet.state.awaiting], ['a1'])
  t.ok(fleet.state.released.has('x9'))
  t.match(fleet.state, { claim: { epoch: 3, revision: 7 }, highest: { epoch: 3, revision: 7 }, superseded: null })
  fleet.tick()
  t.match(fleet.lastSave, { put: [{ id: 'x1', persisted: true }], owedUndrain: [{ seat: 'd1/db', owed: true }] })
  t.equal(fleet.state.holds.get('x1')?.persisted, true)
})

t.test('a start without news writes nothing', async (t) => {
  const fleet = new Fleet({ holds: [wide()] })
  t.equal(fleet.state.holds.get('x1')?.persisted, true)
  fleet.tick()
  t.equal(fleet.saves.length, 0)
})

t.test('a start that is superseded remembers by what', async (t) => {
  const seen = { epoch: 9, instance: 'c'.repeat(32), revision: 70 }
  t.strictSame(new Fleet({ superseded: { host: 'a1', seen } }).state.highest, seen)
})
