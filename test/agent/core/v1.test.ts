import t from 'tap'
import { dependentOf, drainedScene, holdOf, kinds, notes, openScene, Scene, spec, target, viewOf } from './scene.ts'

/** A host with a v1 client on link `v`. */
function v1Scene(start: Parameters<typeof openScene>[0] = {}): Scene {
  const scene = openScene(start)
  scene.send({ type: 'greeted-v1', link: 'v' })
  return scene
}

const hold = {
  id: 'v1/n1',
  owner: 'v1',
  message: 'ordered by a v1 client',
  sinceMs: 5,
  selector: 'web1',
  except: [],
}
const answers = (scene: Scene) => scene.effects.filter(({ type }) => type === 'send-v1')
const stop = (scene: Scene) => {
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('inactive')))
  scene.tick()
}

t.test('a v1 drain takes the hold v1, and is answered when all has stopped', async (t) => {
  const scene = v1Scene()
  t.strictSame(notes(scene.v1('v', 'drain')), ['hold-taken', 'v1-used'])
  t.strictSame(scene.disk.records.get(target)?.marker, [hold])
  stop(scene)
  t.strictSame(answers(scene), [
    { type: 'send-v1', link: 'v', action: 'drain', ok: true, text: `${target} is drained` },
  ])
})

t.test('a second v1 drain takes no second hold', async (t) => {
  const scene = v1Scene()
  scene.v1('v', 'drain')
  stop(scene)
  const { saves } = scene
  scene.v1('v', 'drain')
  t.equal(scene.saves, saves)
  scene.tick()
  t.match(answers(scene), [{ ok: true }])
})

t.test('a v1 undrain releases it and opens', async (t) => {
  const scene = v1Scene()
  scene.v1('v', 'drain')
  stop(scene)
  scene.v1('v', 'undrain')
  t.ok(kinds(scene.tick()).includes('start'))
  scene.view(viewOf(scene.duty().round, 'active'))
  scene.tick()
  t.match(answers(scene), [{ action: 'undrain', ok: true, text: `${target} is open` }])
})

t.test('a v1 undrain that other holds forbid is an error that names them', async (t) => {
  const scene = drainedScene({}, [holdOf('h1')])
  scene.send({ type: 'greeted-v1', link: 'v' })
  scene.v1('v', 'drain')
  scene.v1('v', 'undrain')
  t.match(answers(scene), [{ ok: false, text: `${target} stays drained: held by operator:ada (h1)` }])
  t.strictSame(scene.disk.records.get(target)?.marker, [holdOf('h1')])
})

t.test('at its deadline a v1 client is told that it failed, and gets no progress', async (t) => {
  const scene = v1Scene()
  scene.v1('v', 'drain', 5_000)
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'deactivating'))
  t.strictSame(kinds(scene.tick(4_999)), [])
  scene.tick(1)
  t.match(answers(scene), [{ action: 'drain', ok: false, text: /still stops/ }])
})

t.test('a v1 undrain does not decide for a coordinator that a host without a marker waits for', async (t) => {
  const scene = new Scene()
  scene.send({ type: 'greeted-v1', link: 'v' })
  scene.view(viewOf(0, 'inactive'))
  scene.probe(true)
  scene.v1('v', 'undrain', 10_000)
  t.notOk(kinds(scene.tick()).includes('start'))
  scene.tick(10_000)
  t.match(answers(scene), [{ ok: false }])
  const none = new Scene({ policy: { expectCoordinator: false } })
  none.send({ type: 'greeted-v1', link: 'v' })
  none.view(viewOf(0, 'inactive'))
  none.v1('v', 'undrain')
  t.equal(none.duty().allowed, true)
})

t.test('v1 names no target: it means the first', async (t) => {
  const scene = v1Scene({ specs: [spec, { ...spec, name: 'db2', unit: 'db2.target' }] })
  scene.v1('v', 'drain')
  t.equal(scene.duty().record.marker?.length, 1)
  t.equal(scene.duty('db2').record.marker, null)
})

t.test('a v1 order without a greeting, or to a host without targets, is refused', async (t) => {
  const scene = openScene()
  t.strictSame(scene.v1('v', 'drain'), [
    { type: 'send-v1', link: 'v', action: 'drain', ok: false, text: 'this host has no target' },
  ])
  t.strictSame(kinds(scene.v1('c', 'drain')), ['send-v1'], 'nor may a v2 link')
  t.equal(scene.duty().record.marker, null)
  const bare = new Scene({ specs: [] })
  bare.send({ type: 'greeted-v1', link: 'v' })
  t.match(bare.v1('v', 'undrain'), [{ ok: false }])
})

t.test('a v1 undrain on a full disk is refused', async (t) => {
  const scene = v1Scene()
  scene.v1('v', 'drain')
  stop(scene)
  scene.isFull = true
  scene.v1('v', 'undrain')
  t.match(answers(scene), [{ ok: false, text: /cannot be written/ }])
})
