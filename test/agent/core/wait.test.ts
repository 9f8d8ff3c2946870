import t from 'tap'
import { drainedScene, holdOf, kinds, openScene, Scene, spec, target, viewOf } from './scene.ts'

const ask = (scene: Scene, asker = 'w1', of = target) => scene.send({ type: 'opening-asked', asker, target: of })
const told = (asker: string, of = target) => ({ type: 'tell-open', asker, target: of })

t.test('whoever asks an open target is told at once', async (t) => {
  const scene = openScene()
  t.strictSame(ask(scene), [told('w1')])
  t.strictSame(scene.state.askers, [])
})

t.test('a target that has not decided keeps its asker waiting until the decision is on disk', async (t) => {
  const scene = new Scene({ policy: { expectCoordinator: false } })
  t.strictSame(ask(scene), [])
  scene.view(viewOf(0, 'inactive'))
  t.strictSame(scene.tick(), [], 'probes')
  scene.isFull = true
  scene.probe(true)
  t.notOk(kinds(scene.tick()).includes('tell-open'))
  scene.isFull = false
  t.strictSame(kinds(scene.tick()), ['note', 'start', 'report', 'tell-open'])
})

t.test('it is told before the target is up: it cannot wait for itself', async (t) => {
  const scene = drainedScene()
  ask(scene)
  scene.undrain('c', ['h1'])
  t.ok(kinds(scene.tick()).includes('tell-open'))
})

t.test('a held target keeps it waiting', async (t) => {
  const scene = drainedScene()
  t.strictSame(ask(scene), [])
  t.strictSame(scene.tick(3_600_000), [])
  scene.undrain('c', ['h1'], { allow: false })
  t.notOk(kinds(scene.tick()).includes('tell-open'), 'released is not open')
})

t.test('a hold that is only in memory keeps it waiting', async (t) => {
  const scene = openScene()
  scene.isFull = true
  scene.drain('c', [holdOf('h1')])
  t.strictSame(ask(scene), [])
})

t.test('an asker that went away is not told', async (t) => {
  const scene = drainedScene()
  ask(scene, 'w1')
  ask(scene, 'w2')
  scene.send({ type: 'asker-gone', asker: 'w1' })
  scene.undrain('c', ['h1'])
  t.strictSame(
    scene.tick().filter(({ type }) => type === 'tell-open'),
    [told('w2')],
  )
})

t.test('each is told of its own target', async (t) => {
  const scene = openScene({ specs: [spec, { ...spec, name: 'db2', unit: 'db2.target' }] })
  t.strictSame(ask(scene, 'w2', 'db2'), [])
  t.strictSame(ask(scene, 'w1'), [told('w1')])
  t.strictSame(ask(scene, 'w3', 'nowhere'), [])
  t.strictSame(
    scene.state.askers.map(({ asker }) => asker),
    ['w2', 'w3'],
  )
})
