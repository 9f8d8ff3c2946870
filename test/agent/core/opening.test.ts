import t from 'tap'
import type { TargetRecord } from '../../../agent/core/state.ts'
import {
  bootId,
  claimOf,
  dependentOf,
  drainedScene,
  holdOf,
  kinds,
  notes,
  outcomes,
  Scene,
  target,
  unitOf,
  viewOf,
} from './scene.ts'

const opening = (is: 'opening' | 'open', boot = bootId): TargetRecord => ({
  marker: null,
  opening: { bootId: boot, is },
})
const earlier = 'c'.repeat(32)

/** A host that has just booted, its database up. */
function booted(record: TargetRecord | null, policy: ConstructorParameters<typeof Scene>[0] = {}): Scene {
  const scene = new Scene({ ...policy, ...(record === null ? {} : { records: { [target]: record } }) })
  scene.view(viewOf(0, 'inactive', dependentOf('inactive')))
  scene.probe(true)
  return scene
}

const starts = (scene: Scene, afterMs = 0) => kinds(scene.tick(afterMs)).includes('start')

t.test('a boot without a marker waits for the coordinator, whatever an earlier boot decided', async (t) => {
  for (const record of [null, opening('open', earlier), opening('opening', earlier)]) {
    const scene = booted(record)
    t.notOk(starts(scene))
    scene.greet('c')
    t.notOk(starts(scene), 'to be connected is not to be allowed')
    scene.undrain('c', [])
    t.ok(starts(scene))
    t.strictSame(scene.disk.records.get(target), opening('opening'))
  }
})

t.test('where none is expected, marker and probes decide', async (t) => {
  const scene = booted(null, { policy: { expectCoordinator: false } })
  t.ok(starts(scene))
  const released = booted({ marker: [], opening: null }, { policy: { expectCoordinator: false } })
  t.ok(starts(released), 'an empty marker wants open')
  const held = booted({ marker: [holdOf('v1/1', 'v1')], opening: null }, { policy: { expectCoordinator: false } })
  t.notOk(starts(held))
  const unready = booted(null, { policy: { expectCoordinator: false } })
  unready.probe(false)
  t.notOk(starts(unready))
})

t.test('a coordinator that does not answer: five minutes and good probes, one tick early waits', async (t) => {
  const scene = booted(null)
  t.notOk(starts(scene, 299_999))
  t.ok(starts(scene, 1))
})

t.test('never means never', async (t) => {
  const scene = booted(null, { policy: { bootWithoutCoordinatorMs: null } })
  t.notOk(starts(scene, 400 * 86_400_000))
})

t.test('the five minutes begin with the last word of the coordinator', async (t) => {
  const scene = booted(null)
  scene.nowMs += 200_000
  scene.greet('c')
  scene.send({ type: 'link-closed', link: 'c' })
  t.notOk(starts(scene, 299_999))
  t.ok(starts(scene, 1))
})

t.test('a coordinator that is connected is waited for', async (t) => {
  const scene = booted(null)
  scene.greet('c')
  t.notOk(starts(scene, 300_000))
})

t.test('bad probes keep it shut after the five minutes too', async (t) => {
  const scene = booted(null)
  scene.probe(false)
  t.notOk(starts(scene, 300_000))
  scene.probe(true)
  t.ok(starts(scene))
})

t.test('a target that runs before its agent does is taken for open', async (t) => {
  const scene = new Scene()
  scene.view(viewOf(0, 'active', dependentOf('active')))
  t.strictSame(notes(scene.tick()), [], 'nobody opened it now')
  t.strictSame(scene.disk.records.get(target), opening('open'))
  const none = new Scene()
  t.notOk(starts(none), 'nothing was seen')
  t.equal(none.disk.records.size, 0)
})

t.test('an agent that was killed while opening goes on', async (t) => {
  const scene = booted(opening('opening'))
  t.ok(starts(scene))
  t.notOk(starts(scene, 999))
  t.ok(starts(scene, 1), 'with the same pauses')
  t.equal(scene.saves, 0, 'the decision stands on disk')
  scene.view(viewOf(0, 'active'))
  t.strictSame(notes(scene.tick()), ['opened'])
  t.strictSame(scene.disk.records.get(target), opening('open'))
})

t.test('a target that came up while its agent was away', async (t) => {
  const scene = new Scene({ records: { [target]: opening('opening') } })
  t.notOk(starts(scene), 'nothing was seen yet')
  scene.view(viewOf(0, 'active'))
  t.strictSame(notes(scene.tick()), [])
  t.strictSame(scene.disk.records.get(target), opening('open'))
})

t.test('a start that came to nothing is repeated, with a pause that doubles up to half a minute', async (t) => {
  const scene = drainedScene()
  scene.undrain('c', ['h1'], { limitMs: 3_600_000 })
  t.ok(starts(scene))
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    t.notOk(starts(scene, pauseMs - 1), `not before ${pauseMs} ms`)
    t.ok(starts(scene, 1), `after ${pauseMs} ms`)
  }
})

t.test('no start while one is under way, a stop is pending, or a probe is bad', async (t) => {
  const scene = drainedScene()
  scene.undrain('c', ['h1'], { limitMs: 3_600_000 })
  t.ok(starts(scene))
  const { round } = scene.duty()
  scene.view(viewOf(round, 'activating'))
  t.notOk(starts(scene, 60_000))
  scene.view({ ...viewOf(round, 'inactive'), target: unitOf('inactive', { job: 'start' }) })
  t.notOk(starts(scene, 60_000))
  scene.view(viewOf(round, 'active', dependentOf('activating')))
  t.notOk(starts(scene, 60_000), 'it is up and its dependents come')
  scene.view(viewOf(round, 'inactive', dependentOf('deactivating')))
  t.notOk(starts(scene, 60_000))
  scene.view(viewOf(round, 'inactive', dependentOf('inactive')))
  scene.probe(false)
  // The pause is long over; any longer and a host whose coordinator is silent would drain itself.
  t.notOk(starts(scene, 20_000))
  scene.probe(true)
  t.ok(starts(scene, 1))
})

t.test('a dependent that restarts for ever does not keep its target from being started again', async (t) => {
  const scene = drainedScene()
  scene.undrain('c', ['h1'], { limitMs: 3_600_000 })
  t.ok(starts(scene))
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('activating', { guarded: false })))
  t.ok(starts(scene, 1_000))
})

t.test('once open nothing is started again', async (t) => {
  const scene = drainedScene()
  const command = scene.undrain('c', ['h1'])
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'active'))
  t.strictSame(outcomes(scene.tick()), [`${command} ok`])
  t.notOk(starts(scene, 60_000))
  t.equal(scene.duty().work.is, 'rest')
})

t.test('an undrain of a host that has not decided yet waits for its opening', async (t) => {
  const scene = booted(null)
  scene.greet('c', { kind: 'coordinator', claim: claimOf() })
  const command = scene.undrain('c', [])
  scene.tick()
  t.equal(scene.duty().allowed, true)
  scene.view(viewOf(0, 'active'))
  t.strictSame(outcomes(scene.tick()), [`${command} ok`])
})
