import t from 'tap'
import { drainProgress } from '../../../coordinator/core/progress.ts'
import { Fleet } from './scene.ts'
import { fleetHold, idOf, planOf, resourceOf, specOf, targetOf } from './shapes.ts'

const old = (more: Partial<Parameters<typeof specOf>[1]> = {}) => specOf('a1', { protocol: 'v1', ...more })
const plan = planOf({ hosts: [old(), specOf('b1')] })
const hold = (more: Parameters<typeof fleetHold>[1] = {}) => fleetHold('x1', { members: new Set(['a1']), ...more })

function v1Fleet(start: ConstructorParameters<typeof Fleet>[0] = {}): Fleet {
  const fleet = new Fleet({ plan, ...start })
  fleet.upV1('a1')
  return fleet
}

t.test('a v1 host is drained at every link while it is held', async (t) => {
  const fleet = v1Fleet({ holds: [hold()] })
  t.strictSame(fleet.orders, ['v1 drain a1'])
  fleet.toldV1('a1', 'drain')
  t.equal(fleet.seat('a1').acknowledged, 'drain')
  fleet.tick(60_000)
  t.strictSame(fleet.orders, [])
  fleet.down('a1')
  fleet.upV1('a1')
  t.strictSame(fleet.orders, ['v1 drain a1'])
})

t.test('it is owed an undrain from the hold on, and gets it once per release', async (t) => {
  const fleet = v1Fleet()
  t.strictSame(fleet.orders, [], 'nothing is owed')
  fleet.drain('h1', { selector: 'a1' })
  t.strictSame(fleet.lastSave.owedUndrain, [{ seat: 'a1/db', owed: true }])
  fleet.toldV1('a1', 'drain')
  fleet.undrain()
  t.strictSame(fleet.orders, ['v1 undrain a1'])
  fleet.toldV1('a1', 'undrain')
  t.match(fleet.lastSave, { claim: { revision: 9 }, owedUndrain: [{ seat: 'a1/db', owed: false }] })
  t.equal(fleet.state.owedUndrain.size, 0)
  fleet.tick(60_000)
  t.strictSame(fleet.orders, [])
  fleet.down('a1')
  fleet.upV1('a1')
  t.strictSame(fleet.orders, [])
})

t.test('while it opens it is not taken for drained, whichever of its targets is held next', async (t) => {
  const two = planOf({ hosts: [old({ targets: ['db', 'share'] })], targets: [targetOf(), targetOf('share')] })
  for (const target of ['db', 'share']) {
    const fleet = v1Fleet({ plan: two })
    fleet.drain('h1', { target: 'db' })
    fleet.toldV1('a1', 'drain')
    fleet.undrain()
    t.strictSame(fleet.orders, ['v1 undrain a1'])
    fleet.drain('h2', { target })
    const progress = () => drainProgress(fleet.state, idOf('h2'), fleet.nowMs).hosts.map(({ is }) => is)
    t.strictSame(progress(), ['moving'], target)
    fleet.toldV1('a1', 'undrain')
    t.strictSame(fleet.orders, ['v1 drain a1'])
    t.strictSame(progress(), ['moving'])
    fleet.toldV1('a1', 'drain')
    t.strictSame(progress(), ['acknowledged'])
  }
})

t.test('what is owed survives a restart', async (t) => {
  t.strictSame(v1Fleet({ owed: ['a1/db'] }).orders, ['v1 undrain a1'])
})

t.test('a debt is written once', async (t) => {
  const fleet = v1Fleet()
  fleet.drain('h1', { selector: 'a1' })
  fleet.drain('h2', { selector: 'a1' })
  t.strictSame(fleet.lastSave.owedUndrain, [])
})

t.test('one order at a time: a v1 answer names none', async (t) => {
  const fleet = v1Fleet({ holds: [hold()] })
  fleet.undrain({ hold: 'x1' })
  t.strictSame(fleet.orders, [], 'the drain was not answered yet')
  fleet.toldV1('a1', 'drain')
  t.strictSame(fleet.orders, ['v1 undrain a1'])
  fleet.drain('h2', { selector: 'a1' })
  t.strictSame(fleet.orders, [])
  fleet.toldV1('a1', 'undrain')
  t.strictSame(fleet.orders, ['v1 drain a1'])
  t.ok(fleet.state.owedUndrain.has('a1/db'), 'it will be drained again')
})

t.test('an error is tried again after a pause', async (t) => {
  const fleet = v1Fleet({ holds: [hold()] })
  fleet.toldV1('a1', 'drain', false)
  t.match(fleet.seat('a1'), { acknowledged: null, trouble: { is: 'failed', reason: 'no' } })
  t.strictSame(fleet.notes, ['order-failed'])
  fleet.tick(999)
  t.strictSame(fleet.orders, [])
  fleet.tick(1)
  t.strictSame(fleet.orders, ['v1 drain a1'])
})

t.test('a pong and an answer on an older link are nothing', async (t) => {
  const fleet = v1Fleet({ holds: [hold()] })
  const { state } = fleet
  fleet.toldV1('a1', 'ping')
  fleet.send({ type: 'told-v1', host: 'a1', link: 'old', action: 'drain', ok: true, text: '' })
  t.equal(fleet.state, state)
})

t.test('a debt that the store cannot strike out is paid once more after a restart, and not before', async (t) => {
  const fleet = v1Fleet({ owed: ['a1/db'] })
  fleet.isFull = true
  fleet.toldV1('a1', 'undrain')
  t.equal(fleet.state.owedUndrain.size, 0)
  fleet.tick(60_000)
  t.strictSame(fleet.orders, [])
})

t.test('a debt that the store refused is written with the hold', async (t) => {
  const fleet = v1Fleet()
  fleet.isFull = true
  fleet.drain('h1', { selector: 'a1' })
  fleet.isFull = false
  fleet.tick()
  t.strictSame(fleet.lastSave.owedUndrain, [{ seat: 'a1/db', owed: true }])
})

t.test('undrained when the probes are good, and not before a takeover is over', async (t) => {
  const probed = planOf({ hosts: [old(), specOf('b1')], resources: [resourceOf('pg', { probed: true })] })
  const fleet = v1Fleet({ plan: probed, owed: ['a1/db'] })
  t.strictSame(fleet.orders, [])
  fleet.probe(true)
  t.strictSame(fleet.orders, ['v1 undrain a1'])
  const waiting = v1Fleet({ awaiting: ['b1'], owed: ['a1/db'] })
  waiting.tick()
  t.strictSame(waiting.orders, [])
})

t.test('its turn comes with its wave', async (t) => {
  const waves = planOf({
    hosts: [old(), specOf('b1', { tags: ['rest'] })],
    targets: [targetOf('db', { waves: ['b1'] })],
  })
  const fleet = v1Fleet({ plan: waves, holds: [hold({ members: new Set(['a1', 'b1']) })] })
  t.strictSame(fleet.orders, [])
  fleet.tick(20_000)
  t.strictSame(fleet.orders, ['v1 drain a1'], 'b1 is gone for long enough')
})

t.test('an undrain names no target, so it waits until nothing of the host is held', async (t) => {
  const two = planOf({ hosts: [old({ targets: ['db', 'share'] })], targets: [targetOf(), targetOf('share')] })
  const fleet = v1Fleet({
    plan: two,
    holds: [hold(), fleetHold('x2', { targets: ['share'], members: new Set(['a1']) })],
  })
  t.strictSame(fleet.orders, ['v1 drain a1'])
  fleet.toldV1('a1', 'drain')
  fleet.undrain({ hold: 'x1' })
  t.strictSame(fleet.orders, [])
  fleet.undrain({ hold: 'x2' })
  t.strictSame(fleet.orders, ['v1 undrain a1'])
  fleet.toldV1('a1', 'undrain')
  t.equal(fleet.state.owedUndrain.size, 0)
})

t.test('only seats that the host has are owed, and none of an exception', async (t) => {
  const two = planOf({
    hosts: [old(), specOf('b1', { protocol: 'v1', targets: ['share'] })],
    targets: [targetOf(), targetOf('share')],
  })
  const fleet = new Fleet({ plan: two })
  fleet.drain('h1')
  t.strictSame(
    fleet.lastSave.owedUndrain.map(({ seat }) => seat),
    ['a1/db', 'b1/share'],
  )
  const excepted = new Fleet({ plan: two, holds: [hold({ except: new Set(['a1']) })] })
  t.equal(excepted.state.owedUndrain.size, 0)
})

t.test('an answer of a host that is no longer configured', async (t) => {
  const fleet = v1Fleet({ holds: [hold()] })
  fleet.send({ type: 'told-v1', host: 'z1', link: '', action: 'drain', ok: true, text: '' })
  t.strictSame(fleet.effects, [])
})
