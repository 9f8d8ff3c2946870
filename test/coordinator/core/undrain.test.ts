import t from 'tap'
import { Fleet, openFleet } from './scene.ts'
import { fleetHold, held, idOf, planOf, reportOf, specOf, targetOf, undrainRequest } from './shapes.ts'

/** Both hosts drained by these holds. */
function drained(holds: Parameters<typeof fleetHold>[1][], hosts = ['a1', 'b1']): Fleet {
  const list = holds.map((more, at) => fleetHold(`x${at + 1}`, more))
  const fleet = new Fleet({ holds: list })
  for (const host of hosts) {
    const carried = list.filter((hold) => hold.members.has(host) && !hold.except.has(host))
    fleet.join(
      host,
      reportOf(
        'drained',
        carried.map((hold) => held(hold.id, hold.owner)),
      ),
    )
  }
  fleet.tick()
  return fleet
}

t.test('an undrain releases the operators’ holds inside the selection, durably, then orders', async (t) => {
  const fleet = drained([{}])
  t.strictSame(fleet.undrain(), { released: ['x1'], narrowed: [], hosts: ['a1', 'b1'], stillHeld: [] })
  t.match(fleet.lastSave, { claim: { revision: 8 }, release: ['x1'], put: [] })
  t.strictSame(fleet.orders, ['undrain a1', 'undrain b1'])
  t.strictSame(fleet.notes, ['hold-released'])
  t.match(fleet.commands, [
    { action: 'undrain', release: ['x1'], allow: true, limitMs: 60_000 },
    { action: 'undrain', release: ['x1'], allow: true },
  ])
  t.ok(fleet.state.released.has('x1'))
})

t.test('a larger hold loses the selected hosts only', async (t) => {
  const fleet = drained([{}])
  t.strictSame(fleet.undrain({ selector: 'a1' }), {
    released: [],
    narrowed: [{ hold: 'x1', except: ['a1'] }],
    hosts: ['a1'],
    stillHeld: [],
  })
  t.match(fleet.lastSave, { put: [{ id: 'x1' }], release: [] })
  t.strictSame(fleet.orders, ['undrain a1'])
  t.strictSame(fleet.notes, ['hold-narrowed'])
  fleet.report('b1', reportOf('drained', [held('x1')]))
  t.strictSame(fleet.orders, [], 'the other stays drained')
  t.strictSame(fleet.undrain({ selector: 'b1' }), { released: ['x1'], narrowed: [], hosts: ['b1'], stillHeld: [] })
})

t.test('what still holds is printed: gates, orphans, the agent’s own', async (t) => {
  const fleet = drained([{}, { owner: 'gate:pg' }, { orphan: true }])
  fleet.report('b1', reportOf('drained', [held('x1'), held('x2', 'gate:pg'), held('x3'), held('self/1', 'self')]))
  t.match(fleet.undrain(), {
    released: ['x1'],
    stillHeld: [
      { host: 'a1', target: 'db', holds: [{ id: 'x2' }, { id: 'x3' }] },
      { host: 'b1', target: 'db', holds: [{ id: 'x2' }, { id: 'x3' }, { id: 'self/1' }] },
    ],
  })
  t.match(fleet.commands, [
    { action: 'drain', holds: [{ id: 'x2' }, { id: 'x3' }], release: ['x1'] },
    { action: 'drain', holds: [{ id: 'x2' }, { id: 'x3' }], release: ['x1'] },
  ])
})

t.test('in an emergency the host is taken out of every hold, and no gate’s is ended', async (t) => {
  const fleet = drained([
    { members: new Set(['a1']) },
    { owner: 'gate:pg' },
    { owner: 'gate:pg', members: new Set(['a1']) },
    { orphan: true },
  ])
  t.match(fleet.undrain({ selector: 'a1', force: true }), {
    released: ['x1'],
    narrowed: [
      { hold: 'x2', except: ['a1'] },
      { hold: 'x3', except: ['a1'] },
      { hold: 'x4', except: ['a1'] },
    ],
    stillHeld: [],
  })
  t.match(fleet.commands, [{ action: 'undrain', release: ['x1', 'x2', 'x3', 'x4'], allow: true }])
})

t.test('a hold of other hosts is not touched', async (t) => {
  const fleet = drained([{ members: new Set(['b1']) }])
  t.match(fleet.undrain({ selector: 'a1' }), { released: [], narrowed: [], stillHeld: [] })
  t.equal(fleet.saves.length, 0)
  t.ok(fleet.state.holds.has('x1'))
})

t.test('a hold of more targets than the undrain’s stays whole', async (t) => {
  const plan = planOf({ hosts: [specOf('a1', { targets: ['db', 'share'] })], targets: [targetOf(), targetOf('share')] })
  const fleet = openFleet({ plan, holds: [fleetHold('x1', { targets: ['db', 'share'], members: new Set(['a1']) })] })
  t.match(fleet.undrain({ target: 'db' }), { released: [], stillHeld: [{ host: 'a1', target: 'db' }] })
  t.match(fleet.undrain(), { released: ['x1'] })
})

t.test('a target that left the configuration keeps no hold from its end', async (t) => {
  const fleet = openFleet({
    holds: [fleetHold('x1', { targets: ['gone', 'db'] }), fleetHold('x2', { targets: ['gone'] })],
  })
  fleet.undrain({ target: 'db' })
  t.strictSame([...fleet.state.holds.keys()], ['x2'])
  fleet.undrain()
  t.strictSame([...fleet.state.holds.keys()], ['x2'], 'nothing of the other is left to be asked for: by id only')
  t.match(fleet.undrain({ hold: 'x2' }), { released: ['x2'] })
})

t.test('exceptions grow, and those of an orphan’s marker are kept', async (t) => {
  const fleet = drained([{ orphan: true, members: new Set(['a1', 'b1']), except: new Set(['z9']) }])
  fleet.undrain({ selector: 'a1', force: true })
  t.strictSame([...(fleet.state.holds.get('x1')?.except ?? [])], ['z9', 'a1'])
})

t.test('a host that is not in the hold is no exception of it', async (t) => {
  const fleet = new Fleet({
    plan: planOf({ hosts: [specOf('a1'), specOf('b1'), specOf('c1')] }),
    holds: [fleetHold('x1', { selector: 'a1,b1' })],
  })
  fleet.undrain({ selector: 'a1,c1' })
  t.strictSame([...(fleet.state.holds.get('x1')?.except ?? [])], ['a1'])
})

t.test('by id: whoever owns it', async (t) => {
  const fleet = drained([{ owner: 'gate:pg' }, { orphan: true }])
  t.match(fleet.undrain({ hold: 'x1' }), {
    released: ['x1'],
    stillHeld: [{ holds: [{ id: 'x2' }] }, { holds: [{ id: 'x2' }] }],
  })
  t.match(fleet.undrain({ hold: 'x2' }), { released: ['x2'], stillHeld: [] })
})

t.test('by id: one that only an agent knows', async (t) => {
  const fleet = openFleet()
  fleet.report('a1', reportOf('drained', [held('v1/1', 'v1')]))
  t.strictSame(fleet.orders, [], 'an agent’s own is not the coordinator’s to end')
  t.match(fleet.undrain({ hold: 'v1/1' }), { released: ['v1/1'], stillHeld: [] })
  t.match(fleet.commands, [{ action: 'undrain', release: ['v1/1'], allow: true }])
  t.match(
    fleet.effects.find(({ type }) => type === 'note'),
    { note: { what: 'hold-released', owner: 'agent' } },
  )
  const plan = planOf({ hosts: [specOf('a1', { targets: ['db', 'share'] })], targets: [targetOf(), targetOf('share')] })
  const two = openFleet({ plan })
  two.report('a1', reportOf('drained', [held('self/1', 'self'), held('v1/1', 'v1')]))
  t.match(two.undrain({ hold: 'v1/1' }), { released: ['v1/1'] }, 'on one target of two, beside another')
})

t.test('by id: released already is fine, unknown is not', async (t) => {
  const fleet = openFleet({ released: ['x9'] })
  t.match(fleet.undrain({ hold: 'x9' }), { released: [], narrowed: [] })
  fleet.report('a1', reportOf('drained', [held('x9')]))
  t.match(fleet.undrain({ hold: 'x9' }), { released: [], narrowed: [] })
  t.equal(fleet.saves.length, 0)
  t.match(fleet.refusal({ type: 'undrain-asked', request: undrainRequest({ hold: 'x8' }) }), { code: 'unknown-hold' })
})

t.test('a dry run says the same and does nothing', async (t) => {
  const fleet = drained([{}])
  const { state } = fleet
  t.match(fleet.undrain({ dryRun: true }), { released: ['x1'], stillHeld: [] })
  t.equal(fleet.state, state)
  t.strictSame(fleet.effects, [])
})

t.test('on a full store it is refused whole', async (t) => {
  const fleet = drained([{}])
  fleet.isFull = true
  const { state } = fleet
  t.match(fleet.refusal({ type: 'undrain-asked', request: undrainRequest() }), { code: 'not-persisted' })
  t.equal(fleet.state, state)
  t.strictSame(fleet.effects, [])
})

t.test('refused: superseded, nobody, a target that is not there', async (t) => {
  const superseded = { host: 'a1', seen: { epoch: 9, instance: 'c'.repeat(32), revision: 70 } }
  const request = undrainRequest()
  t.match(new Fleet({ superseded }).refusal({ type: 'undrain-asked', request }), { code: 'superseded' })
  const fleet = openFleet()
  t.match(fleet.refusal({ type: 'undrain-asked', request: { ...request, selector: 'z' } }), {
    code: 'nothing-selected',
  })
  t.match(fleet.refusal({ type: 'undrain-asked', request: { ...request, target: 'z' } }), { code: 'unknown-target' })
})

t.test('a late release of an id that a host still carries is sent when it reports', async (t) => {
  const fleet = drained([{}], ['a1'])
  fleet.undrain()
  t.strictSame(fleet.orders, ['undrain a1'])
  fleet.join('b1', reportOf('drained', [held('x1')]))
  t.match(fleet.commands, [{ action: 'undrain', release: ['x1'] }])
})

t.test('a narrowed host that drains for another reason keeps that reason', async (t) => {
  const fleet = drained([{}])
  fleet.undrain({ selector: 'a1' })
  fleet.drain('h2', { selector: 'a1' })
  t.match(fleet.commands, [{ action: 'drain', holds: [{ id: idOf('h2') }], release: ['x1'] }])
})
