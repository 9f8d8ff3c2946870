import t from 'tap'
import { unreadableHold } from '../../../agent/core/self-drain.ts'
import type { Policy } from '../../../agent/core/state.ts'
import type { Scene } from './scene.ts'
import { bootId, claimOf, holdOf, kinds, notes, openScene, spec, target, viewOf } from './scene.ts'

/** A host whose coordinator has just gone. */
function alone(policy: Partial<Policy> = {}, needs = ['pg']): Scene {
  const scene = openScene({ policy, specs: [{ ...spec, needs }] })
  scene.send({ type: 'link-closed', link: 'c' })
  return scene
}

const owners = (scene: Scene, of = target) => scene.duty(of).record.marker?.map((hold) => hold.owner)

t.test('the coordinator silent and a resource down, both for 30 seconds: one tick early waits', async (t) => {
  const scene = alone()
  scene.nowMs += 10_000
  scene.probe(false)
  t.strictSame(notes(scene.tick(29_999)), [])
  const effects = scene.tick(1)
  t.strictSame(notes(effects), ['hold-taken', 'drain-started'])
  t.ok(kinds(effects).includes('stop'))
  t.match(scene.disk.records.get(target)?.marker, [
    {
      id: /^self\/n\d+$/,
      owner: 'self',
      message: 'no coordinator, and down: pg',
      sinceMs: 7,
      selector: 'web1',
      except: [],
    },
  ])
})

t.test('the silence is counted from the last word', async (t) => {
  const scene = openScene()
  scene.probe(false)
  scene.nowMs += 60_000
  scene.send({ type: 'pinged', link: 'c', nonce: 1, claim: claimOf() })
  scene.send({ type: 'link-closed', link: 'c' })
  t.strictSame(notes(scene.tick(29_999)), [])
  t.strictSame(notes(scene.tick(1)), ['hold-taken', 'drain-started'])
})

t.test('a link on which nothing is said counts for nothing', async (t) => {
  const scene = openScene({ specs: [{ ...spec, needs: ['pg'] }] })
  scene.probe(false)
  scene.tick(29_999)
  scene.send({ type: 'pinged', link: 'c', nonce: 1, claim: claimOf() })
  t.strictSame(notes(scene.tick(29_999)), [], 'while the coordinator is heard')
  t.strictSame(notes(scene.tick(1)), ['hold-taken', 'drain-started'])
})

const patient: readonly [name: string, prepare: () => Scene][] = [
  ['where it is told to keep', () => alone({ onCoordinatorLost: 'keep' })],
  [
    'where no coordinator was ever met',
    () => {
      const scene = alone()
      scene.state = { ...scene.state, seen: null }
      return scene
    },
  ],
]
for (const [name, prepare] of patient) {
  t.test(`no self-drain ${name}`, async (t) => {
    const scene = prepare()
    scene.probe(false)
    scene.tick(3_600_000)
    t.strictSame(owners(scene), undefined)
  })
}

t.test('a resource that comes back in time drains nobody', async (t) => {
  const scene = alone()
  scene.probe(false)
  scene.tick(29_999)
  scene.probe(true)
  t.strictSame(notes(scene.tick(60_000)), [])
  scene.probe(false)
  t.strictSame(notes(scene.tick(29_999)), [], 'the time begins anew')
})

t.test('another failure of the same kind does not begin it anew', async (t) => {
  const scene = alone()
  scene.probe(false)
  scene.tick(29_999)
  scene.probe(false, 'pg', 'connection timed out')
  t.strictSame(notes(scene.tick(1)), ['hold-taken', 'drain-started'])
})

t.test('one resource of two is enough; one that was never probed is not', async (t) => {
  const scene = alone({}, ['redis', 'pg'])
  scene.probe(false)
  t.match(notes(scene.tick(30_000)), ['hold-taken'])
  const quiet = alone({}, ['redis'])
  t.strictSame(notes(quiet.tick(3_600_000)), [])
})

t.test('what is held already is not held again, nor what is released', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')])
  scene.send({ type: 'link-closed', link: 'c' })
  scene.probe(false)
  scene.tick(60_000)
  t.strictSame(owners(scene), ['operator:ada'])
})

t.test('released after as long a run of good probes, coordinator back or not', async (t) => {
  const scene = alone()
  scene.probe(false)
  scene.tick(30_000)
  scene.view(viewOf(scene.duty().round, 'inactive'))
  scene.tick()
  scene.greet('c')
  scene.probe(true)
  t.notOk(kinds(scene.tick(29_999)).includes('start'))
  const effects = scene.tick(1)
  t.strictSame(notes(effects), ['hold-released', 'opening-started'])
  t.ok(kinds(effects).includes('start'))
  t.strictSame(scene.disk.records.get(target), { marker: null, opening: { bootId, is: 'opening' } })
})

t.test('every resource must be good for that long', async (t) => {
  const scene = alone({}, ['pg', 'redis'])
  scene.probe(true, 'redis')
  scene.probe(false)
  scene.tick(30_000)
  scene.probe(true)
  scene.tick(20_000)
  scene.probe(false, 'redis')
  scene.probe(true, 'redis')
  t.strictSame(notes(scene.tick(29_999)), [])
  t.strictSame(owners(scene), ['self'])
  t.strictSame(notes(scene.tick(1)).slice(0, 1), ['hold-released'])
})

t.test('a resource of which nothing is known is not good', async (t) => {
  const scene = openScene({ records: { [target]: { marker: [holdOf('self/1', 'self')], opening: null } } })
  scene.tick(29_999)
  t.strictSame(owners(scene), ['self'])
  const none = openScene({
    specs: [{ ...spec, needs: ['pg', 'redis'] }],
    records: { [target]: { marker: [holdOf('self/1', 'self')], opening: null } },
  })
  none.tick(3_600_000)
  t.strictSame(owners(none), ['self'])
})

t.test('a self hold of before the agent’s restart is released too', async (t) => {
  const scene = openScene({ records: { [target]: { marker: [holdOf('self/1', 'self')], opening: null } } })
  scene.tick(30_000)
  t.strictSame(scene.disk.records.get(target)?.marker, [])
})

t.test('other holds stay', async (t) => {
  const marker = [holdOf('self/1', 'self'), holdOf('h1')]
  const scene = openScene({ records: { [target]: { marker, opening: null } } })
  scene.tick(30_000)
  t.strictSame(owners(scene), ['operator:ada'])
})

/** Drains itself, and comes back as soon as it may; answers after how long. */
function outage(scene: Scene): number {
  scene.probe(false)
  scene.tick(30_000)
  scene.view(viewOf(scene.duty().round, 'inactive'))
  scene.tick()
  scene.probe(true)
  let waitedMs = 0
  for (; owners(scene)?.includes('self') === true && waitedMs < 3_600_000; waitedMs += 10_000) scene.tick(10_000)
  scene.view(viewOf(scene.duty().round, 'active'))
  scene.tick()
  return waitedMs
}

t.test('the wait doubles with each self-drain within an hour, up to ten minutes', async (t) => {
  const scene = alone()
  const waits = [1, 2, 3, 4, 5, 6, 7].map(() => outage(scene))
  t.strictSame(waits, [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000])
})

t.test('after an hour without one it begins anew: the hour is exclusive', async (t) => {
  for (const [spanMs, waitMs] of [
    [3_599_999, 60_000],
    [3_600_000, 30_000],
  ] as const) {
    const scene = alone()
    outage(scene)
    const { lastAtMs } = scene.state.selfDrain
    scene.probe(false)
    // The second one is decided 30 s after its resource went down.
    scene.nowMs = lastAtMs + spanMs - 30_000
    scene.probe(true)
    t.equal(outage(scene), waitMs)
  }
})

t.test('several targets in one outage are one self-drain', async (t) => {
  const other = { ...spec, name: 'db2', unit: 'db2.target' }
  const scene = openScene({ specs: [spec, other] })
  scene.view(viewOf(0, 'active'), 'db2')
  scene.tick(0, 'db2')
  scene.send({ type: 'link-closed', link: 'c' })
  scene.probe(false)
  scene.tick(30_000)
  scene.tick(0, 'db2')
  t.strictSame([owners(scene), owners(scene, 'db2')], [['self'], ['self']])
  t.equal(scene.state.selfDrain.count, 1)
})

t.test('on a full disk it drains all the same', async (t) => {
  const scene = alone()
  scene.isFull = true
  scene.probe(false)
  t.match(notes(scene.tick(30_000)), ['hold-taken', 'not-persisted', 'drain-started'])
  t.equal(scene.duty().durable, false)
  t.equal(scene.state.selfDrain.count, 1)
})

t.test('what stands for a marker that could not be read is never released by itself', async (t) => {
  const unreadable = holdOf(`${unreadableHold}1`, 'self')
  const scene = openScene({ records: { [target]: { marker: [unreadable], opening: null } } })
  scene.tick(3_600_000)
  t.strictSame(scene.duty().record.marker, [unreadable])
  scene.state = {
    ...scene.state,
    duties: new Map([
      [target, { ...scene.duty(), record: { marker: [unreadable, holdOf('self/1', 'self')], opening: null } }],
    ]),
  }
  scene.tick()
  t.strictSame(scene.duty().record.marker, [unreadable])
})
