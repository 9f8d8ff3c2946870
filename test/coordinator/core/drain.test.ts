import t from 'tap'
import { Fleet, openFleet } from './scene.ts'
import { drainRequest, fleetHold, held, idOf, planOf, reportOf, specOf, targetOf } from './shapes.ts'

const h1 = idOf('h1')

t.test('a drain is saved with the next revision, then ordered everywhere', async (t) => {
  const fleet = openFleet()
  const answer = fleet.drain('h1', { message: 'kernel' })
  t.strictSame(answer, {
    hold: h1,
    persisted: true,
    hosts: ['a1', 'b1'],
    waves: [{ target: 'db', hosts: ['a1', 'b1'] }],
  })
  t.match(fleet.lastSave, { claim: { epoch: 3, revision: 8 }, put: [{ id: h1 }], release: [] })
  t.strictSame(fleet.orders, ['drain a1', 'drain b1'])
  t.strictSame(fleet.notes, ['hold-taken'])
  t.match(fleet.commands[0], {
    id: '1',
    target: 'db',
    authority: { kind: 'coordinator', claim: { epoch: 3, revision: 8 } },
    holds: [{ id: h1, owner: 'operator:ada', message: 'kernel', selector: '*', except: [] }],
    release: [],
    limitMs: 90_000,
  })
})

t.test('asked again with the same id, it makes no second hold', async (t) => {
  const fleet = openFleet()
  const first = fleet.drain('h1')
  const { length } = fleet.saves
  t.strictSame(fleet.drain('h1'), first)
  t.equal(fleet.saves.length, length)
  t.strictSame(fleet.sent, [])
})

t.test('a released id is never taken again', async (t) => {
  const fleet = openFleet({ released: [h1] })
  t.match(fleet.refusal({ type: 'drain-asked', request: drainRequest('h1') }), {
    code: 'bad-request',
    message: /new id/,
  })
})

t.test('a dry run says the same and does nothing', async (t) => {
  const fleet = openFleet()
  const { state } = fleet
  t.match(fleet.drain('h1', { dryRun: true }), { hold: h1, hosts: ['a1', 'b1'] })
  t.equal(fleet.state, state)
  t.strictSame(fleet.effects, [])
})

t.test('on a full store the hosts are drained, and the answer says so', async (t) => {
  const fleet = openFleet()
  fleet.isFull = true
  t.match(fleet.drain('h1'), { persisted: false })
  t.strictSame(fleet.orders, ['drain a1', 'drain b1'])
  t.strictSame(fleet.notes, ['hold-taken', 'not-persisted'])
  t.equal(fleet.state.claim.revision, 7, 'a revision that no store knows must not be seen')
  fleet.tick(1_000)
  t.equal(fleet.state.holds.get(h1)?.persisted, false)
  fleet.isFull = false
  fleet.tick(1_000)
  t.equal(fleet.state.holds.get(h1)?.persisted, true)
  t.match(fleet.lastSave, { claim: { revision: 8 }, put: [{ id: h1, persisted: true }] })
})

const selections: readonly [selector: string, hosts: readonly string[]][] = [
  ['a1', ['a1']],
  ['@rest', ['b1']],
  ['!a1', ['b1']],
  ['*', ['a1', 'b1']],
]
for (const [selector, hosts] of selections) {
  t.test(`selects ${selector}`, async (t) => t.match(openFleet().drain('h1', { selector }), { hosts }))
}

t.test('of one target, or of every target that the fleet has', async (t) => {
  const plan = planOf({
    hosts: [specOf('a1', { targets: ['db', 'share'] }), specOf('b1', { targets: ['share'] })],
    targets: [targetOf(), targetOf('share')],
  })
  const one = openFleet({ plan })
  t.match(one.drain('h1', { target: 'db' }), { hosts: ['a1'], waves: [{ target: 'db', hosts: ['a1'] }] })
  t.strictSame(one.orders, ['drain a1'])
  const all = openFleet({ plan })
  t.strictSame(all.drain('h1'), {
    hold: h1,
    persisted: true,
    hosts: ['a1', 'b1'],
    waves: [
      { target: 'db', hosts: ['a1'] },
      { target: 'share', hosts: ['a1', 'b1'] },
    ],
  })
  t.strictSame(all.orders, ['drain a1', 'drain a1', 'drain b1'])
})

t.test('the answer shows the waves', async (t) => {
  const plan = planOf({
    hosts: [specOf('a1'), specOf('b1', { tags: ['rest'] }), specOf('c1')],
    targets: [targetOf('db', { waves: ['@none', '@web'] })],
  })
  t.match(openFleet({ plan }).drain('h1'), {
    waves: [
      { target: 'db', hosts: ['a1', 'c1'] },
      { target: 'db', hosts: ['b1'] },
    ],
  })
})

const refusals: readonly [name: string, more: Parameters<typeof drainRequest>[1], code: string, message: RegExp][] = [
  ['nobody', { selector: 'z*' }, 'nothing-selected', /no host matches "z\*"/],
  ['a selector that cannot be read', { selector: 'a b' }, 'bad-request', /cannot read/],
  ['a target that is not there', { target: 'other' }, 'unknown-target', /there is: db/],
  ['an operator whose owner is too long', { operator: 'o'.repeat(247) }, 'bad-request', /too long/],
]
for (const [name, more, code, message] of refusals) {
  t.test(`refused: ${name}`, async (t) => {
    const fleet = openFleet()
    t.match(fleet.refusal({ type: 'drain-asked', request: drainRequest('h1', more) }), { code, message })
    t.equal(fleet.saves.length, 0)
  })
}

t.test('the longest operator that fits is fine', async (t) => {
  t.equal(
    openFleet().refusal({ type: 'drain-asked', request: drainRequest('h1', { operator: 'o'.repeat(246) }) }),
    null,
  )
})

t.test('a superseded coordinator takes no orders', async (t) => {
  const superseded = { host: 'a1', seen: { epoch: 9, instance: 'c'.repeat(32), revision: 70 } }
  const fleet = new Fleet({ superseded })
  t.match(fleet.refusal({ type: 'drain-asked', request: drainRequest('h1') }), {
    code: 'superseded',
    message: /a1 has seen epoch 9, revision 70.*takeover/,
  })
})

t.test('more holds than a marker can report are refused, and which host has them is told', async (t) => {
  const holds = Array.from({ length: 32 }, (_, at) => fleetHold(`x${at}`, { members: new Set(['b1']) }))
  const fleet = openFleet({ holds })
  t.match(fleet.refusal({ type: 'drain-asked', request: drainRequest('h1') }), {
    code: 'too-many',
    message: /db of b1/,
  })
  t.equal(fleet.refusal({ type: 'drain-asked', request: drainRequest('h1', { selector: 'a1' }) }), null)
  const orphans = openFleet({ holds: holds.map((hold) => ({ ...hold, orphan: true })) })
  t.equal(
    orphans.refusal({ type: 'drain-asked', request: drainRequest('h1') }),
    null,
    'whoever has one host’s key could invent them',
  )
  const fewer = openFleet({ holds: holds.slice(1) })
  t.equal(fewer.refusal({ type: 'drain-asked', request: drainRequest('h1') }), null)
})

t.test('a hold with an end: the store is told now and then how much is left', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1', { forMs: 200_000 })
  t.match(fleet.commands[0]?.action === 'drain' && fleet.commands[0].holds, [{ remainingMs: 200_000 }])
  const { length } = fleet.saves
  fleet.tick(59_999)
  t.equal(fleet.saves.length, length)
  fleet.tick(1)
  t.match(fleet.lastSave, { claim: { revision: 8 }, put: [{ id: h1, end: { remainingMs: 140_000 } }] })
  fleet.tick(139_999)
  t.ok(fleet.state.holds.has(h1))
  fleet.tick(1)
  t.notOk(fleet.state.holds.has(h1), 'the end is inclusive')
  t.strictSame(fleet.notes, ['hold-expired'])
  t.strictSame(fleet.lastSave.release, [h1])
})

t.test('an end of before a restart goes on, and one that passed meanwhile is over', async (t) => {
  const end = { remainingMs: 5_000, asOfMs: 97_000 }
  const fleet = openFleet({ holds: [fleetHold('x', { end })] })
  t.ok(fleet.state.holds.has('x'))
  fleet.tick(1_999)
  t.ok(fleet.state.holds.has('x'))
  fleet.tick(1)
  t.notOk(fleet.state.holds.has('x'))
  t.strictSame(openFleet({ holds: [fleetHold('x', { end: { remainingMs: 3_000, asOfMs: 0 } })] }).state.holds.size, 0)
})

t.test('a hold whose end the store cannot take stays', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1', { forMs: 10_000 })
  fleet.isFull = true
  fleet.tick(10_000)
  t.ok(fleet.state.holds.has(h1))
  fleet.isFull = false
  fleet.tick(1_000)
  t.notOk(fleet.state.holds.has(h1))
})

t.test('a host that reports its hold is ordered nothing more', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  fleet.report('a1', reportOf('drained', [held(h1)]))
  t.strictSame(fleet.orders, [])
  fleet.tick(60_000)
  t.strictSame(fleet.orders, ['drain b1'])
})
