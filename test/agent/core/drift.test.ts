import t from 'tap'
import {
  bootId,
  dependentOf,
  drainedScene,
  holdOf,
  kinds,
  notes,
  openScene,
  outcomes,
  Scene,
  spec,
  target,
  unitOf,
  viewOf,
} from './scene.ts'

const is = (scene: Scene) => scene.duty().drifted

t.test('an active target that somebody else stopped is shown and left alone', async (t) => {
  const scene = openScene()
  scene.view(viewOf(0, 'inactive'))
  t.strictSame(notes(scene.tick()), ['drifted'])
  t.equal(is(scene), true)
  t.strictSame(kinds(scene.tick(3_600_000)), [])
})

t.test('and is over when it runs again', async (t) => {
  const scene = openScene()
  scene.view(viewOf(0, 'failed'))
  scene.tick()
  scene.view(viewOf(0, 'active'))
  t.strictSame(notes(scene.tick()), [])
  t.equal(is(scene), false)
})

t.test('a restart is no drift', async (t) => {
  const scene = openScene()
  scene.view({ ...viewOf(0, 'inactive'), target: unitOf('inactive', { job: 'start' }) })
  t.strictSame(notes(scene.tick()), [])
  scene.view(viewOf(0, 'activating'))
  t.strictSame(notes(scene.tick()), [])
  t.equal(is(scene), false)
})

t.test('a dependent that starts does not hide it', async (t) => {
  const scene = openScene()
  scene.view(viewOf(0, 'inactive', dependentOf('activating')))
  t.strictSame(notes(scene.tick()), ['drifted'])
  scene.view(viewOf(0, 'inactive', dependentOf('inactive')))
  t.strictSame(notes(scene.tick()), [], 'nor is it told twice')
})

t.test('with enforce it is started again', async (t) => {
  const scene = openScene({ specs: [{ ...spec, enforce: true }] })
  scene.view(viewOf(0, 'inactive'))
  const effects = scene.tick()
  t.strictSame(notes(effects), ['drifted', 'opening-started'])
  t.ok(kinds(effects).includes('start'))
  t.strictSame(scene.disk.records.get(target), { marker: null, opening: { bootId, is: 'opening' } })
  t.equal(is(scene), false)
})

t.test('enforce waits for the stop to end and for good probes', async (t) => {
  const scene = openScene({ specs: [{ ...spec, enforce: true }] })
  scene.view(viewOf(0, 'deactivating'))
  t.notOk(kinds(scene.tick()).includes('start'))
  scene.probe(false)
  scene.view(viewOf(0, 'inactive'))
  t.notOk(kinds(scene.tick()).includes('start'))
  scene.probe(true)
  t.ok(kinds(scene.tick()).includes('start'))
})

t.test('a person who undrains it starts it', async (t) => {
  const scene = openScene()
  scene.view(viewOf(0, 'inactive'))
  scene.tick()
  const command = scene.undrain('c', [])
  t.ok(kinds(scene.tick()).includes('start'))
  scene.view(viewOf(0, 'active'))
  t.strictSame(outcomes(scene.tick()), [`${command} ok`])
})

t.test('a permission of before the drift is not one', async (t) => {
  const scene = openScene()
  scene.undrain('c', [])
  scene.view(viewOf(0, 'inactive'))
  t.notOk(kinds(scene.tick()).includes('start'))
})

t.test('an agent that starts later finds it', async (t) => {
  const scene = new Scene({ records: { [target]: { marker: null, opening: { bootId, is: 'open' } } } })
  t.strictSame(notes(scene.tick()), [], 'nothing was seen yet')
  scene.view(viewOf(0, 'inactive'))
  t.strictSame(notes(scene.tick()), ['drifted'])
})

t.test('a target that never became active is no drift', async (t) => {
  const scene = drainedScene()
  scene.undrain('c', ['h1'])
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'inactive'))
  t.strictSame(notes(scene.tick(60_000)), [])
})

t.test('a drain ends it', async (t) => {
  const scene = openScene()
  scene.view(viewOf(0, 'inactive'))
  scene.tick()
  scene.drain('c', [holdOf('h1')])
  t.equal(is(scene), false)
})
