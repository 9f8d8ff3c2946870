import t from 'tap'
import {
  claim,
  Fleet,
  fleetHold,
  held,
  openFleet,
  planOf,
  reportOf,
  resourceOf,
  specOf,
  targetOf,
  twin,
} from './scene.ts'

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

const unknown = held('old1', 'operator:bob', {
  message: 'before',
  sinceMs: 12,
  selector: '*',
  except: ['b1'],
  remainingMs: 5_000,
})

t.test('a hold of a marker that this store never released is adopted whole, as an orphan of its carrier', async (t) => {
  const fleet = new Fleet()
  fleet.join('a1', reportOf('drained', [unknown]))
  t.strictSame(fleet.notes, ['target-changed', 'hold-adopted'])
  t.strictSame(fleet.state.holds.get('old1'), {
    id: 'old1',
    targets: ['db'],
    selector: '*',
    except: new Set(['b1']),
    members: new Set(['a1']),
    owner: 'operator:bob',
    message: 'before',
    sinceMs: 12,
    end: { remainingMs: 5_000, asOfMs: 100_000 },
    orphan: true,
    persisted: true,
    rushAtMs: null,
  })
  t.match(fleet.lastSave, { claim: { revision: 8 }, put: [{ id: 'old1' }] })
  t.strictSame(fleet.orders, [])
})

t.test('without an end it has none', async (t) => {
  const fleet = new Fleet()
  fleet.join('a1', reportOf('drained', [held('old1')]))
  t.equal(fleet.state.holds.get('old1')?.end, null)
})

t.test('the next carriers join it, each once', async (t) => {
  const plan = planOf({
    hosts: [specOf('a1', { targets: ['db', 'share'] }), specOf('b1')],
    targets: [targetOf(), targetOf('share')],
  })
  const fleet = new Fleet({ plan })
  fleet.join('a1', reportOf('drained', [held('old1')]), reportOf('drained', [held('old1')], { target: 'share' }))
  t.strictSame(fleet.state.holds.get('old1')?.targets, ['db', 'share'])
  fleet.join('b1', reportOf('drained', [held('old1')]))
  t.strictSame([...(fleet.state.holds.get('old1')?.members ?? [])], ['a1', 'b1'])
  t.strictSame(fleet.notes, ['target-changed'], 'it was adopted before')
  t.equal(fleet.saves.length, 2)
  fleet.report('b1', reportOf('drained', [held('old1')]))
  t.equal(fleet.saves.length, 2)
})

t.test('a carrier of a known hold that is no member of it becomes one', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1', { members: new Set(['b1']) })] })
  fleet.join('a1', reportOf('drained', [held('x1')]))
  t.strictSame([...(fleet.state.holds.get('x1')?.members ?? [])], ['b1', 'a1'])
  t.equal(fleet.state.holds.get('x1')?.orphan, false)
  t.notOk(fleet.notes.includes('hold-adopted'))
})

t.test('an excepted carrier does not: it is told to release', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1', { except: new Set(['a1']) })] })
  fleet.join('a1', reportOf('drained', [held('x1')]))
  t.equal(fleet.saves.length, 0)
  t.match(fleet.commands, [{ action: 'undrain', release: ['x1'], allow: true }])
})

const notAdopted: readonly [name: string, hold: Parameters<typeof held>][] = [
  ['v1', ['v1/1', 'v1']],
  ['direct', ['d1', 'direct']],
  ['self', ['self/1', 'self']],
  ['released', ['x9']],
]
for (const [name, hold] of notAdopted) {
  t.test(`not adopted: ${name}`, async (t) => {
    const fleet = new Fleet({ released: ['x9'] })
    fleet.join('a1', reportOf('drained', [held(...hold)]))
    t.equal(fleet.state.holds.size, 0)
    t.equal(fleet.saves.length, 0)
  })
}

t.test('a gate’s is adopted while that gate is down, and given back when it is up', async (t) => {
  const plan = planOf({ resources: [resourceOf('pg', { gate: { limitMs: 90_000 } })] })
  const fleet = new Fleet({ plan })
  fleet.gate('down', 3)
  fleet.join('a1', reportOf('drained', [held('pg/old/7', 'gate:pg')]))
  t.match(fleet.state.holds.get('pg/old/7'), { orphan: true })
  fleet.gate('up', 4)
  t.equal(fleet.state.holds.size, 0)
  t.match(fleet.commands, [{ action: 'undrain', release: ['pg/old/7'] }])
  fleet.join('b1', reportOf('drained', [held('pg/old/7', 'gate:pg')]))
  t.match(fleet.commands, [{ action: 'undrain', release: ['pg/old/7'] }], 'also what comes later')
  fleet.report('b1', reportOf('drained', [held('pg/old/6', 'gate:pg')]))
  t.match(fleet.commands, [{ action: 'undrain', release: ['pg/old/6'] }], 'and what this store never knew')
  t.equal(fleet.state.holds.size, 0)
})

t.test('an orphan that the store cannot take is kept in mind, and saved later', async (t) => {
  const fleet = new Fleet()
  fleet.isFull = true
  fleet.join('a1', reportOf('drained', [unknown]))
  t.match(fleet.state.holds.get('old1'), { orphan: true, persisted: false })
  t.equal(fleet.state.claim.revision, 7)
  fleet.isFull = false
  fleet.tick()
  t.match(fleet.lastSave.put, [{ id: 'old1', persisted: true }])
})

t.test('a report costs its own host only, also where it is adopted', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1')] })
  fleet.join('b1', reportOf('open'))
  fleet.nowMs += 60_000
  fleet.join('a1', reportOf('drained', [unknown]))
  t.strictSame(fleet.orders, ['drain a1'], 'b1 is looked at by the next tick')
})

const seen: readonly [name: string, claim: typeof claim, outranked: boolean][] = [
  ['its own', claim, false],
  ['an older revision', { ...claim, revision: 6 }, false],
  ['a newer revision: the store is an old copy', { ...claim, revision: 8 }, true],
  ['an older epoch', { ...claim, epoch: 2, instance: twin }, false],
  ['an older epoch with a newer revision', { epoch: 2, instance: twin, revision: 8 }, true],
  ['a newer epoch', { ...claim, epoch: 4 }, true],
  ['a twin of the same epoch', { ...claim, instance: twin }, true],
]
for (const [name, told, outranked] of seen) {
  const ways: readonly [way: string, tell: (fleet: Fleet) => void][] = [
    ['greeting', (fleet) => fleet.up('a1', { seen: told })],
    ['report', (fleet) => fleet.tell('a1', { type: 'report', seen: told, targets: [], probes: [] })],
    ['refusal', (fleet) => fleet.outrank('a1', told)],
  ]
  for (const [way, tell] of ways) {
    t.test(`seen in a ${way}: ${name}`, async (t) => {
      const fleet = openFleet()
      tell(fleet)
      t.strictSame(fleet.state.superseded, outranked ? { host: 'a1', seen: told } : null)
      t.equal(fleet.notes.includes('superseded'), outranked)
      if (outranked) t.match(fleet.lastSave, { claim: { revision: 7 }, superseded: { host: 'a1' } })
      else t.equal(fleet.saves.length, 0)
    })
  }
}

t.test('superseded is known although the store is full', async (t) => {
  const fleet = openFleet()
  fleet.isFull = true
  fleet.outrank('a1', { ...claim, epoch: 9 })
  t.equal(fleet.state.superseded?.host, 'a1')
  t.strictSame(fleet.notes, ['superseded'])
})

t.test('once superseded it still learns the highest, and adopts nothing', async (t) => {
  const fleet = openFleet()
  fleet.outrank('a1', { ...claim, epoch: 9 })
  const { length } = fleet.saves
  fleet.outrank('b1', { ...claim, epoch: 8, revision: 50 })
  t.match(fleet.state.highest, { epoch: 9, revision: 50 })
  t.equal(fleet.state.superseded?.host, 'a1')
  fleet.report('b1', reportOf('drained', [unknown]))
  t.equal(fleet.state.holds.size, 0)
  t.equal(fleet.saves.length, length)
})

t.test('an error that names no claim changes nothing', async (t) => {
  const fleet = openFleet()
  const { state } = fleet
  fleet.tell('a1', { type: 'error', code: 'internal', message: 'no', seen: null })
  t.equal(fleet.state, state)
})
