import t from 'tap'
import { Fleet, openFleet } from './scene.ts'
import { fleetHold, held, idOf, planOf, reportOf, resourceOf, specOf, targetOf, twin } from './shapes.ts'

const h1 = idOf('h1')
const hosts = [specOf('a1'), specOf('a2'), specOf('b1', { tags: ['rest'] }), specOf('c1', { tags: [] })]
const waves = planOf({ hosts, targets: [targetOf('db', { waves: ['@web', '@rest'] })] })

const drained = (...ids: readonly string[]) =>
  reportOf(
    'drained',
    ids.map((id) => held(id)),
  )

/** Four hosts in three waves, all open. */
function waveFleet(start: ConstructorParameters<typeof Fleet>[0] = {}): Fleet {
  return openFleet({ plan: waves, ...start })
}

/** Four hosts in three waves, all drained by h1. */
function shutFleet(start: ConstructorParameters<typeof Fleet>[0] = {}): Fleet {
  const fleet = new Fleet({
    plan: waves,
    holds: [fleetHold(h1, { members: new Set(hosts.map(({ name }) => name)) })],
    ...start,
  })
  for (const { name } of hosts) fleet.join(name, drained(h1))
  fleet.tick()
  return fleet
}

t.test('at half a gate’s deadline all that remain are ordered: one tick early waits', async (t) => {
  const plan = planOf({
    hosts,
    targets: [targetOf('db', { waves: ['@web', '@rest'] })],
    resources: [resourceOf('pg', { gate: { limitMs: 90_000 } })],
  })
  const fleet = openFleet({ plan })
  fleet.askGate({ seq: 1, limitMs: 60_000 })
  t.strictSame(fleet.orders, ['drain a1', 'drain a2'])
  fleet.tick(29_999)
  t.notOk(fleet.orders.some((order) => /[bc]1/.test(order)))
  fleet.tick(1)
  t.strictSame(
    fleet.orders.filter((order) => /[bc]1/.test(order)),
    ['drain b1', 'drain c1'],
  )
})

t.test('a hurry of another target is none here', async (t) => {
  const fleet = waveFleet({ holds: [fleetHold('x1', { targets: ['share'], rushAtMs: 0 })] })
  fleet.drain('h1')
  t.strictSame(fleet.orders, ['drain a1', 'drain a2'])
})

t.test('no undrain hurries', async (t) => {
  const fleet = shutFleet({
    holds: [
      fleetHold(h1, { members: new Set(hosts.map(({ name }) => name)) }),
      fleetHold('x1', { members: new Set(['z']), rushAtMs: 0 }),
    ],
  })
  fleet.undrain({ hold: h1 })
  t.equal(fleet.commands.filter((command) => 'allow' in command && command.allow).length, 1)
})

t.test('while a resource is not ready no wave of an undrain runs out of time', async (t) => {
  const plan = planOf({
    hosts,
    targets: [targetOf('db', { waves: ['@web', '@rest'] })],
    resources: [resourceOf('pg', { probed: true })],
  })
  const fleet = shutFleet({ plan })
  fleet.undrain()
  for (const { name } of hosts) fleet.report(name, reportOf('released'))
  fleet.tick(3_600_000)
  t.strictSame(fleet.orders, [])
  fleet.probe(true)
  t.strictSame(fleet.orders, ['undrain c1'])
  fleet.tick(59_999)
  t.notOk(fleet.orders.includes('undrain b1'))
  fleet.tick(1)
  t.ok(fleet.orders.includes('undrain b1'))
})

t.test('nor of any wave while nobody may be ordered', async (t) => {
  const awaiting = shutFleet({ awaiting: ['c1'] })
  t.equal(awaiting.state.awaiting.size, 0)
  const waiting = new Fleet({ plan: waves, awaiting: ['c1'] })
  for (const host of ['a1', 'a2', 'b1']) waiting.join(host, reportOf('released'))
  waiting.up('c1')
  waiting.tick(3_600_000)
  t.match(waiting.state.movements.get('db')?.undrain, { wave: 0 })
  const superseded = waveFleet()
  superseded.drain('h1')
  superseded.outrank('a1', { epoch: 9, instance: twin, revision: 0 })
  superseded.tick(3_600_000)
  t.match(superseded.state.movements.get('db')?.drain, { wave: 0 })
})

t.test('a host with a hold of its own is over for an undrain', async (t) => {
  const fleet = shutFleet()
  fleet.report('c1', reportOf('drained', [held(h1), held('v1/1', 'v1')]))
  fleet.undrain()
  t.match(
    fleet.commands.filter((command) => 'allow' in command && command.allow),
    [{}],
    'c1 stays as it is, so b1 is next',
  )
  t.match(fleet.state.movements.get('db')?.undrain, { wave: 1 })
})

t.test('v1 hosts: acknowledged is over', async (t) => {
  const old = specOf('a1', { protocol: 'v1' })
  const plan = planOf({ hosts: [old, specOf('b1', { tags: [] })], targets: [targetOf('db', { waves: ['@web'] })] })
  const fleet = openFleet({ plan })
  t.equal(fleet.state.movements.get('db')?.undrain, null, 'one that was never drained is over')
  fleet.drain('h1')
  t.strictSame(fleet.orders, ['v1 drain a1'])
  fleet.toldV1('a1', 'drain')
  t.strictSame(fleet.orders, ['drain b1'])
  fleet.report('b1', drained(h1))
  fleet.undrain()
  fleet.report('b1', reportOf('open'))
  t.strictSame(fleet.orders, ['v1 undrain a1'])
  fleet.toldV1('a1', 'undrain')
  fleet.tick()
  t.equal(fleet.state.movements.get('db')?.undrain, null)
})

t.test('v1 hosts: an error is over too', async (t) => {
  const old = specOf('a1', { protocol: 'v1' })
  const plan = planOf({ hosts: [old, specOf('b1', { tags: [] })], targets: [targetOf('db', { waves: ['@web'] })] })
  const fleet = openFleet({ plan })
  fleet.drain('h1')
  fleet.toldV1('a1', 'drain', false)
  fleet.tick()
  t.ok(fleet.orders.includes('drain b1'))
})

t.test('a restart in the middle of a drain keeps the order from the first report on', async (t) => {
  const fleet = new Fleet({ plan: waves, holds: [fleetHold(h1, { members: new Set(['a1', 'b1', 'c1']) })] })
  fleet.join('c1', reportOf('open'))
  t.strictSame(fleet.orders, [])
  fleet.join('b1', reportOf('open'))
  t.strictSame(fleet.orders, [])
  fleet.join('a1', reportOf('open'))
  t.strictSame(fleet.orders, ['drain a1'])
})

t.test('an event of one host that ends no wave costs no other host', async (t) => {
  const fleet = waveFleet()
  fleet.drain('h1')
  fleet.nowMs += 60_000
  fleet.report('a1', drained(h1))
  t.strictSame(fleet.orders, [], 'a2 is not ordered again before the next tick')
})

t.test('a direction that is over makes no event of the other one costly', async (t) => {
  const fleet = waveFleet()
  fleet.drain('h1', { selector: 'c1' })
  fleet.tick(90_000)
  t.equal(fleet.state.movements.get('db')?.drain?.wave, null)
  fleet.drain('h2', { selector: '@web' })
  for (const host of ['a1', 'a2']) fleet.report(host, drained(idOf('h2')))
  fleet.undrain({ hold: idOf('h2') })
  t.strictSame(fleet.orders, ['undrain a1', 'undrain a2'])
  fleet.nowMs += 60_000
  fleet.report('a1', reportOf('open'))
  t.strictSame(fleet.orders, [], 'a2 is not ordered again before the next tick')
})

t.test('without waves all go at once', async (t) => {
  const fleet = openFleet({ plan: planOf({ hosts }) })
  fleet.drain('h1')
  t.equal(fleet.orders.length, 4)
  t.equal(fleet.state.movements.size, 0)
})
