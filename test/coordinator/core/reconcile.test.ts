import t from 'tap'
import { Fleet, openFleet } from './scene.ts'
import { claim, fleetHold, held, planOf, reportOf, resourceOf, specOf, targetOf } from './shapes.ts'

const holding = () => new Fleet({ holds: [fleetHold('x1')] })

t.test('nobody is ordered before it has reported', async (t) => {
  const fleet = holding()
  fleet.up('a1')
  t.strictSame(fleet.orders, [])
  fleet.report('a1', reportOf('open'))
  t.strictSame(fleet.orders, ['drain a1'])
})

t.test('an order that nobody answers is sent again, with a pause that doubles up to half a minute', async (t) => {
  const fleet = holding()
  fleet.join('a1', reportOf('open'))
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    fleet.tick(pauseMs - 1)
    t.strictSame(fleet.orders, [], `not before ${pauseMs} ms`)
    fleet.tick(1)
    t.strictSame(fleet.orders, ['drain a1'], `after ${pauseMs} ms`)
  }
})

t.test('a different order is sent at once, and its pauses begin anew', async (t) => {
  const fleet = holding()
  fleet.join('a1', reportOf('open'))
  fleet.tick(1_000)
  fleet.drain('h2', { selector: 'a1' })
  t.strictSame(fleet.orders, ['drain a1'])
  fleet.tick(999)
  t.strictSame(fleet.orders, [])
  fleet.tick(1)
  t.strictSame(fleet.orders, ['drain a1'])
})

t.test('a new link is ordered anew', async (t) => {
  const fleet = holding()
  fleet.join('a1', reportOf('open'))
  fleet.down('a1')
  fleet.tick(60_000)
  t.strictSame(fleet.orders, [], 'nobody is there')
  fleet.up('a1')
  t.strictSame(fleet.orders, ['drain a1'], 'by what it said last')
})

t.test('each order has an id of its own', async (t) => {
  const fleet = holding()
  fleet.join('a1', reportOf('open'))
  fleet.join('b1', reportOf('open'))
  t.strictSame(
    fleet.commands.map(({ id }) => id),
    ['2'],
  )
})

t.test('only what is missing is given, and only what is over is taken', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1'), fleetHold('x2')], released: ['x9'] })
  fleet.join('a1', reportOf('drained', [held('x1'), held('x9'), held('v1/1', 'v1')]))
  t.match(fleet.commands, [{ action: 'drain', release: ['x9'] }])
  t.strictSame(fleet.commands[0]?.action === 'drain' && fleet.commands[0].holds.map(({ id }) => id), ['x2'])
})

t.test('where nothing is missing, a release names what stays', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1')], released: ['x9'] })
  fleet.join('a1', reportOf('drained', [held('x1'), held('x9')]))
  t.match(fleet.commands, [{ action: 'drain', release: ['x9'], holds: [{ id: 'x1' }] }])
})

t.test('many holds go in orders that fit into a frame', async (t) => {
  const holds = Array.from({ length: 20 }, (_, at) => fleetHold(`x${at}`))
  const fleet = new Fleet({ holds })
  fleet.join('a1', reportOf('open'))
  const ids = () => fleet.commands.flatMap((each) => (each.action === 'drain' ? each.holds.map(({ id }) => id) : []))
  t.equal(ids().length, 8)
  const carried = holds.slice(0, 8).map(({ id }) => held(id))
  fleet.report('a1', reportOf('draining', carried))
  t.strictSame(
    ids(),
    holds.slice(8, 16).map(({ id }) => id),
  )
})

t.test('exceptions on the wire are sorted, and never break a frame', async (t) => {
  const few = new Fleet({ holds: [fleetHold('x1', { except: new Set(['z9', 'b1']) })] })
  few.join('a1', reportOf('open'))
  t.match(few.commands, [{ holds: [{ except: ['b1', 'z9'] }] }])
  const many = Array.from({ length: 1_500 }, (_, at) => `hst${`${at}`.padStart(4, '0')}`)
  const fleet = new Fleet({ holds: [fleetHold('x1', { except: new Set(many) })] })
  fleet.join('a1', reportOf('open'))
  const [order] = fleet.commands
  const except = order?.action === 'drain' ? order.holds[0]?.except : undefined
  t.strictSame(except, many.slice(0, 400))
})

t.test('a released host that waits is allowed, once the coordinator’s probes are good', async (t) => {
  const plan = planOf({ resources: [resourceOf('pg', { probed: true })] })
  const fleet = new Fleet({ plan })
  fleet.join('a1', reportOf('released'))
  fleet.join('b1', reportOf('undecided'))
  t.strictSame(fleet.orders, [], 'it was never probed')
  fleet.probe(false)
  t.strictSame(fleet.orders, [])
  fleet.probe(true)
  t.strictSame(fleet.notes, ['resource-ready'])
  t.match(fleet.commands, [
    { action: 'undrain', release: [], allow: true },
    { action: 'undrain', release: [], allow: true },
  ])
})

const unasked: readonly [name: string, report: Parameters<typeof reportOf>][] = [
  ['open', ['open']],
  ['opening', ['opening']],
  ['drifted: it is left alone', ['drifted']],
  ['released and allowed already', ['released', [], { allowed: true }]],
  ['undecided and allowed already', ['undecided', [], { allowed: true }]],
  ['held by itself', ['drained', [held('self/1', 'self')]]],
]
for (const [name, report] of unasked) {
  t.test(`ordered nothing: ${name}`, async (t) => {
    const fleet = new Fleet()
    fleet.join('a1', reportOf(...report))
    t.strictSame(fleet.orders, [])
  })
}

t.test('released while the probes are bad: not allowed yet', async (t) => {
  const plan = planOf({ resources: [resourceOf('pg', { probed: true })] })
  const fleet = new Fleet({ plan, released: ['x9'] })
  fleet.join('a1', reportOf('drained', [held('x9')]))
  t.match(fleet.commands, [{ action: 'undrain', release: ['x9'], allow: false }])
})

t.test('released while a hold of its own stays: not allowed', async (t) => {
  const fleet = new Fleet({ released: ['x9'] })
  fleet.join('a1', reportOf('drained', [held('x9'), held('v1/1', 'v1')]))
  t.match(fleet.commands, [{ action: 'undrain', release: ['x9'], allow: false }])
})

t.test('orders carry the claim of their moment', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  fleet.drain('h2', { selector: 'a1' })
  t.match(fleet.commands, [{ authority: { claim: { ...claim, revision: 9 } } }])
})

t.test('a superseded coordinator orders nobody', async (t) => {
  const superseded = { host: 'a1', seen: { epoch: 9, instance: 'c'.repeat(32), revision: 70 } }
  const fleet = new Fleet({ superseded, holds: [fleetHold('x1')], claim: { ...claim, revision: 70 } })
  fleet.join('b1', reportOf('open'))
  fleet.tick(60_000)
  t.strictSame(fleet.orders, [])
})

t.test('a target of a host is ordered by its own holds', async (t) => {
  const plan = planOf({
    hosts: [specOf('a1', { targets: ['db', 'share'] })],
    targets: [targetOf(), targetOf('share', { needs: [] })],
  })
  const fleet = new Fleet({ plan, holds: [fleetHold('x1', { targets: ['share'], members: new Set(['a1']) })] })
  fleet.join('a1', reportOf('open'), reportOf('open', [], { target: 'share' }))
  t.match(fleet.commands, [{ action: 'drain', target: 'share' }])
})

t.test('deadlines come from the target', async (t) => {
  const plan = planOf({ targets: [targetOf('db', { drainLimitMs: 1, undrainLimitMs: 2 })] })
  const fleet = new Fleet({ plan, holds: [fleetHold('x1', { members: new Set(['a1']) })] })
  fleet.join('a1', reportOf('open'))
  t.match(fleet.commands, [{ limitMs: 1 }])
  fleet.join('b1', reportOf('released'))
  t.match(fleet.commands, [{ limitMs: 2 }])
})

t.test('a host of which nothing is configured is nobody', async (t) => {
  const fleet = openFleet()
  const { state } = fleet
  fleet.up('z1')
  fleet.report('z1', reportOf('open'))
  fleet.down('z1', null)
  fleet.send({ type: 'round-trip', host: 'z1', link: '', ms: 1 })
  t.equal(fleet.state, state)
})
