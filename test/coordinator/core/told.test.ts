import t from 'tap'
import { Fleet, openFleet } from './scene.ts'
import { held, planOf, reportOf, specOf, targetOf, twin } from './shapes.ts'

const units = ['app.service']

t.test('a link goes up and down, and is told once each', async (t) => {
  const fleet = new Fleet()
  fleet.up('a1')
  t.strictSame(fleet.notes, ['host-connected'])
  t.match(fleet.state.hosts.get('a1')?.link, { is: 'up', build: 'guardian agent', sinceMs: 100_000, roundTripMs: null })
  fleet.nowMs += 5
  const link = fleet.link('a1')
  fleet.down('a1')
  t.strictSame(fleet.notes, ['host-lost'])
  t.strictSame(fleet.state.hosts.get('a1')?.link, { is: 'down', sinceMs: 100_005, reason: 'connection reset' })
  fleet.nowMs += 5
  fleet.send({ type: 'link-down', host: 'a1', link: null, reason: 'no route' })
  t.strictSame(fleet.notes, [], 'a try that failed is not told again')
  t.strictSame(fleet.state.hosts.get('a1')?.link, { is: 'down', sinceMs: 100_005, reason: 'no route' })
  fleet.up('a1')
  const { state } = fleet
  fleet.down('a1', link)
  t.equal(fleet.state, state, 'the end of an older link')
})

t.test('words on an older link do not count', async (t) => {
  const fleet = openFleet()
  const { state } = fleet
  fleet.send({
    type: 'told',
    host: 'a1',
    link: 'old',
    message: { type: 'report', seen: null, targets: [reportOf('drained')], probes: [] },
  })
  fleet.send({ type: 'round-trip', host: 'a1', link: 'old', ms: 3 })
  t.equal(fleet.state, state)
})

t.test('round trips are kept', async (t) => {
  const fleet = openFleet()
  fleet.send({ type: 'round-trip', host: 'a1', link: fleet.link('a1'), ms: 3 })
  t.match(fleet.state.hosts.get('a1')?.link, { roundTripMs: 3 })
})

t.test('a change of a target is told', async (t) => {
  const fleet = new Fleet()
  fleet.up('a1')
  fleet.report('a1', reportOf('open'))
  t.match(fleet.effects, [{ note: { what: 'target-changed', host: 'a1', target: 'db', from: 'unknown', to: 'open' } }])
  fleet.report('a1', reportOf('open'))
  t.strictSame(fleet.notes, [])
})

t.test('hello and pong say nothing more', async (t) => {
  const fleet = openFleet()
  const { state } = fleet
  fleet.tell('a1', { type: 'pong', nonce: 1 })
  const hello = {
    type: 'hello' as const,
    version: 2,
    host: 'a1',
    bootId: twin,
    build: '',
    seen: null,
    targets: [],
    clockMs: 0,
  }
  fleet.tell('a1', hello)
  t.equal(fleet.state, state)
})

t.test('progress of the order under way', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  fleet.tell('a1', { type: 'progress', id: fleet.seat('a1').order?.command ?? '', units })
  t.strictSame(fleet.seat('a1').waitingOn, units)
  const { state } = fleet
  fleet.tell('a1', { type: 'progress', id: 'older', units: [] })
  t.equal(fleet.state, state)
})

const outcomes: readonly [outcome: Parameters<Fleet['respond']>[1], trouble: string | null][] = [
  ['ok', null],
  ['held', null],
  ['replaced', null],
  ['failed', 'failed'],
  ['stale', 'failed'],
  ['superseded', 'failed'],
  ['deadline', 'deadline'],
  ['not-persisted', 'not-persisted'],
]
for (const [outcome, trouble] of outcomes) {
  t.test(`an order answered ${outcome}`, async (t) => {
    const fleet = openFleet()
    fleet.drain('h1')
    fleet.respond('a1', outcome, { units })
    t.strictSame(fleet.seat('a1').trouble, trouble === null ? null : { is: trouble, reason: outcome })
    t.strictSame(fleet.seat('a1').waitingOn, units)
    t.strictSame(fleet.notes, trouble === null ? [] : ['order-failed'])
  })
}

t.test('an answer brings the state along', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  const [order] = fleet.commands
  const holds = order?.action === 'drain' ? order.holds : []
  fleet.respond('a1', 'ok', { report: reportOf('drained', holds) })
  t.strictSame(fleet.notes, ['target-changed'])
  t.equal(fleet.seat('a1').report?.is, 'drained')
  fleet.tick(60_000)
  t.strictSame(fleet.orders, ['drain b1'])
})

t.test('the answer to an order that was replaced is nothing', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  const { state } = fleet
  fleet.respond('a1', 'failed', { id: 'older' })
  t.equal(fleet.state, state)
})

t.test('trouble ends with a state at rest, and not before', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  fleet.respond('a1', 'deadline', { units })
  fleet.report('a1', reportOf('draining', [held('x')]))
  t.equal(fleet.seat('a1').trouble?.is, 'deadline')
  for (const is of ['drained', 'open'] as const) {
    const rested = openFleet()
    rested.drain('h1')
    rested.respond('a1', 'deadline', { units })
    rested.report('a1', reportOf(is, [held('x')]))
    t.match(rested.seat('a1'), { trouble: null, waitingOn: [] })
  }
})

t.test('a target that the agent does not have fails at once, by name', async (t) => {
  const plan = planOf({ hosts: [specOf('a1', { targets: ['db', 'share'] })], targets: [targetOf(), targetOf('share')] })
  const fleet = new Fleet({ plan })
  fleet.up('a1', { targets: ['db'] })
  t.match(fleet.seat('a1', 'share'), {
    report: null,
    trouble: { is: 'failed', reason: 'the agent of a1 has no target named share; it has: db' },
  })
  t.notOk(fleet.state.hosts.get('a1')?.seats.has('db'))
  fleet.up('a1')
  t.equal(fleet.seat('a1', 'share').trouble, null, 'until it has')
})
