import t from 'tap'
import { Fleet, openFleet } from './scene.ts'
import { claim, fleetHold, held, planOf, reportOf, resourceOf, specOf, twin } from './shapes.ts'

const superseded = { host: 'a1', seen: { epoch: 9, instance: twin, revision: 70 } }
const hosts = [specOf('a1'), specOf('b1'), specOf('old', { protocol: 'v1' })]

/** A store restored from an old copy: x1 is still in markers, x2 was released since. */
function restored(): Fleet {
  const fleet = new Fleet({
    plan: planOf({ hosts }),
    superseded,
    holds: [fleetHold('x1'), fleetHold('x2')],
  })
  fleet.up('b1')
  return fleet
}

t.test('a takeover claims more than anybody has seen, and begins every link again', async (t) => {
  const fleet = restored()
  t.match(fleet.takeOver(), { claim: { epoch: 10, instance: claim.instance, revision: 71 }, awaiting: ['a1', 'b1'] })
  t.match(fleet.lastSave, { claim: { epoch: 10, revision: 71 }, superseded: null, awaiting: ['a1', 'b1'], release: [] })
  t.equal(fleet.state.superseded, null)
  t.match(fleet.sent, [{ type: 'close', host: 'b1', reason: 'taken over' }])
  t.strictSame(fleet.notes, ['taken-over'])
})

t.test('its own epoch counts too, where only the revision was outranked', async (t) => {
  const fleet = new Fleet({ superseded: { host: 'a1', seen: { epoch: 2, instance: twin, revision: 70 } } })
  t.match(fleet.takeOver(), { claim: { epoch: 4, revision: 71 } })
  const twins = new Fleet({ superseded: { host: 'a1', seen: { epoch: 3, instance: twin, revision: 2 } } })
  t.match(twins.takeOver(), { claim: { epoch: 4, revision: 8 } })
})

t.test('nobody is opened until every host has reported or been excused', async (t) => {
  const fleet = new Fleet({ superseded, holds: [fleetHold('x1')], plan: planOf({ hosts }), owed: ['old/db'] })
  fleet.takeOver()
  fleet.upV1('old')
  fleet.join('a1', reportOf('released'))
  t.strictSame(fleet.orders, ['drain a1'], 'drains go on')
  fleet.undrain({ hold: 'x1' })
  fleet.report('a1', reportOf('drained', [held('x1')]))
  fleet.tick(60_000)
  t.strictSame(fleet.orders, [])
  t.strictSame([...fleet.state.awaiting], ['b1'])
  fleet.join('b1', reportOf('open'))
  t.strictSame(fleet.orders, ['undrain a1', 'v1 undrain old'], 'the last report opens all')
  t.match(fleet.lastSave, { awaiting: [], claim: { revision: 72 } })
})

t.test('an excuse is enough', async (t) => {
  const fleet = new Fleet({ superseded, released: ['x9'] })
  fleet.takeOver()
  fleet.join('a1', reportOf('drained', [held('x9')]))
  t.strictSame(fleet.orders, [])
  t.match(fleet.takeOver({ excuse: ['b1'] }), { awaiting: [], claim: { epoch: 10, revision: 71 } })
  t.strictSame(fleet.orders, ['undrain a1'])
  t.notOk(
    fleet.sent.some(({ type }) => type === 'close'),
    'it is no second takeover',
  )
})

t.test('refused: an excuse for a host that nobody configured', async (t) => {
  for (const dryRun of [true, false]) {
    const request = { drop: [], excuse: ['b1', 'b2'], dryRun }
    t.match(restored().refusal({ type: 'takeover-asked', request }), { code: 'unknown-host', message: /named b2/ })
  }
})

t.test('excused at the takeover itself', async (t) => {
  const fleet = restored()
  t.match(fleet.takeOver({ excuse: ['a1'] }), { awaiting: ['b1'] })
})

t.test('only the last of the reports is written: after a crash all of them report again', async (t) => {
  const fleet = new Fleet({ awaiting: ['a1', 'b1'] })
  fleet.join('a1', reportOf('open'))
  t.strictSame([...fleet.state.awaiting], ['b1'])
  t.equal(fleet.saves.length, 0)
  fleet.join('a1', reportOf('open'))
  t.equal(fleet.saves.length, 0)
  fleet.join('b1', reportOf('open'))
  t.match(fleet.lastSave, { awaiting: [], claim: { revision: 7 } })
})

t.test('where the last cannot be written, nobody waits for the disk', async (t) => {
  const fleet = new Fleet({ awaiting: ['a1'], released: ['x9'] })
  fleet.isFull = true
  fleet.join('a1', reportOf('drained', [held('x9')]))
  t.equal(fleet.state.awaiting.size, 0)
  t.strictSame(fleet.orders, ['undrain a1'])
})

t.test('the last report may adopt, too', async (t) => {
  const fleet = new Fleet({ awaiting: ['a1'] })
  fleet.join('a1', reportOf('drained', [held('old1')]))
  t.match(fleet.lastSave, { awaiting: [], claim: { revision: 8 }, put: [{ id: 'old1', persisted: true }] })
  t.equal(fleet.state.holds.get('old1')?.persisted, true)
})

t.test('holds that no marker carries are listed once the markers were told of', async (t) => {
  const fleet = restored()
  t.match(fleet.takeOver(), { unmarked: [{ id: 'x1' }, { id: 'x2' }] }, 'nothing is known of any marker yet')
  fleet.join('a1', reportOf('drained', [held('x1')]))
  t.strictSame(fleet.orders, ['drain a1'], 'the store’s holds are kept until a person says otherwise')
  fleet.report('a1', reportOf('drained', [held('x1'), held('x2')]))
  fleet.join('b1', reportOf('open'))
  const answer = fleet.takeOver({ dryRun: true })
  t.match(answer, { unmarked: [{ id: 'x2' }], awaiting: [] }, 'what was ordered since is no proof')
  t.match(fleet.takeOver({ drop: ['x2'] }), { unmarked: [{ id: 'x2' }] })
  t.match(fleet.lastSave, { release: ['x2'], claim: { revision: 72 } })
  t.strictSame(fleet.notes, ['hold-released'])
  t.match(fleet.commands[0], { action: 'drain', release: ['x2'], holds: [{ id: 'x1' }] })
})

t.test('the only hold that the store has may be in a marker, too', async (t) => {
  const fleet = new Fleet({ superseded, holds: [fleetHold('x1')] })
  fleet.takeOver()
  fleet.join('a1', reportOf('drained', [held('x1')]))
  t.match(fleet.takeOver({ dryRun: true }), { unmarked: [] })
})

t.test('only such a hold can be dropped here', async (t) => {
  const fleet = restored()
  fleet.takeOver()
  fleet.join('a1', reportOf('drained', [held('x1')]))
  const request = { drop: ['x1'], excuse: [], dryRun: false }
  t.match(fleet.refusal({ type: 'takeover-asked', request }), { code: 'unknown-hold', message: /^x1 is not/ })
  t.match(openFleet().refusal({ type: 'takeover-asked', request: { ...request, drop: ['x7'] } }), {
    code: 'unknown-hold',
  })
})

t.test('the hold of a gate is not: it follows its gate', async (t) => {
  const plan = planOf({ hosts, resources: [resourceOf('pg', { gate: { limitMs: 90_000 } })] })
  const fleet = new Fleet({ plan, superseded, holds: [fleetHold('pg/old/1', { owner: 'gate:pg' }), fleetHold('x1')] })
  fleet.takeOver()
  const request = { drop: ['pg/old/1'], excuse: [], dryRun: false }
  t.match(fleet.refusal({ type: 'takeover-asked', request }), { code: 'unknown-hold' })
})

t.test('a person who knows may drop at the takeover itself', async (t) => {
  const fleet = restored()
  fleet.takeOver({ drop: ['x2'] })
  t.strictSame([...fleet.state.holds.keys()], ['x1'])
  t.match(fleet.lastSave, { release: ['x2'], superseded: null })
})

t.test('a dry run changes nothing', async (t) => {
  const fleet = restored()
  const { state } = fleet
  t.match(fleet.takeOver({ dryRun: true }), { claim, awaiting: ['a1', 'b1'], unmarked: [{ id: 'x1' }, { id: 'x2' }] })
  t.equal(fleet.state, state)
})

t.test('a coordinator that is not superseded takes nothing over', async (t) => {
  const fleet = openFleet({ holds: [fleetHold('x1')] })
  t.strictSame(fleet.takeOver(), { claim, unmarked: [], awaiting: [] })
  t.strictSame(fleet.state.claim, claim)
  t.strictSame(fleet.notes, [], 'and says nothing of the kind')
})

t.test('refused where the store cannot keep it', async (t) => {
  const fleet = restored()
  fleet.isFull = true
  const { state } = fleet
  t.match(fleet.refusal({ type: 'takeover-asked', request: { drop: [], excuse: [], dryRun: false } }), {
    code: 'not-persisted',
  })
  t.equal(fleet.state, state)
})

t.test('the old coordinator’s reports are forgotten with it', async (t) => {
  const fleet = restored()
  fleet.report('b1', reportOf('drained', [held('x2')]))
  fleet.takeOver()
  t.equal(fleet.state.hosts.get('b1')?.seats.size, 0)
  t.strictSame([...fleet.state.unmarked], ['x1', 'x2'])
})
