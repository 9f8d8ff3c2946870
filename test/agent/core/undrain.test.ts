import t from 'tap'
import type { Authority } from '../../../protocol/authority.ts'
import {
  bootId,
  dependentOf,
  drainedScene,
  holdOf,
  kinds,
  notes,
  openScene,
  outcomes,
  responses,
  Scene,
  spec,
  target,
  unit,
  unitOf,
  viewOf,
} from './scene.ts'

const record = (is: 'opening' | 'open') => ({ marker: null, opening: { bootId, is } })
const direct: Authority = { kind: 'direct', operator: 'ada' }

t.test('an undrain: the hold is gone at once, the marker when it opens, the answer when it is up', async (t) => {
  const scene = drainedScene()
  const command = scene.undrain('c', ['h1'])
  t.strictSame(scene.disk.records.get(target), { marker: [], opening: null })
  t.strictSame(notes(scene.effects), ['hold-released'])
  t.strictSame(kinds(scene.tick()), ['note', 'start', 'report'])
  t.strictSame(notes(scene.effects), ['opening-started'])
  t.strictSame(scene.disk.records.get(target), record('opening'))
  scene.view(viewOf(0, 'active', dependentOf('activating')))
  t.strictSame(outcomes(scene.tick()), [], 'a view of before the last stop is dropped')
  scene.view(viewOf(scene.duty().round, 'active', dependentOf('activating')))
  t.strictSame(outcomes(scene.tick()), [], 'a dependent still starts')
  scene.view(viewOf(scene.duty().round, 'active', dependentOf('active')))
  t.strictSame(outcomes(scene.tick()), [`${command} ok`])
  t.strictSame(notes(scene.effects), ['opened'])
  t.strictSame(scene.disk.records.get(target), record('open'))
  t.match(responses(scene.effects)[0], { message: `${target} is open`, report: { is: 'open', allowed: false } })
})

t.test('open with a failed dependent is told as failed', async (t) => {
  const scene = drainedScene()
  const command = scene.undrain('c', ['h1'])
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'active', dependentOf('failed')))
  t.strictSame(outcomes(scene.tick()), [`${command} failed`])
  t.match(responses(scene.effects)[0], { message: /open, but failed: app\.service/, units: ['app.service'] })
})

t.test('one hold of two: the other keeps it shut and is named', async (t) => {
  const scene = drainedScene({}, [holdOf('h1'), holdOf('h2', 'gate:pg')])
  const command = scene.undrain('c', ['h1'])
  t.strictSame(scene.disk.records.get(target)?.marker, [holdOf('h2', 'gate:pg')])
  t.strictSame(outcomes(scene.effects), [`${command} held`])
  t.match(responses(scene.effects)[0]?.message, /gate:pg \(h2\)/)
  t.equal(scene.duty().allowed, false)
  t.notOk(kinds(scene.tick()).includes('start'))
})

t.test('the release of a hold that is not there opens nothing', async (t) => {
  const scene = drainedScene()
  const { saves } = scene
  const command = scene.undrain('c', ['h0', 'h9'])
  t.equal(scene.saves, saves)
  t.strictSame(outcomes(scene.effects), [`${command} held`])
  t.equal(scene.duty().allowed, false, 'nor is it allowed for later')
})

t.test('a late or repeated release on an open host', async (t) => {
  const scene = openScene()
  const command = scene.undrain('c', ['h1'])
  t.strictSame(outcomes(scene.effects), [`${command} ok`])
  t.strictSame(scene.disk.records.get(target), record('open'))
})

t.test('released and not allowed: answered at once, and it stays shut', async (t) => {
  const scene = drainedScene()
  const command = scene.undrain('c', ['h1'], { allow: false })
  t.strictSame(outcomes(scene.effects), [`${command} ok`])
  t.match(responses(scene.effects)[0], { message: /released and not yet allowed/, report: { is: 'released' } })
  t.notOk(kinds(scene.tick(60_000)).includes('start'))
  const allowed = scene.undrain('c', [])
  t.ok(kinds(scene.tick()).includes('start'))
  const again = scene.undrain('c', [], { allow: false })
  t.strictSame(outcomes(scene.effects), [], 'opening: the asker waits for its end')
  scene.view(viewOf(scene.duty().round, 'active'))
  t.strictSame(outcomes(scene.tick()), [`${allowed} ok`, `${again} ok`])
})

t.test('nobody who waited for the drain is left waiting', async (t) => {
  const scene = openScene()
  const drain = scene.drain('c', [holdOf('h1')])
  scene.tick()
  scene.undrain('c', ['h1'])
  t.strictSame(outcomes(scene.effects), [`${drain} replaced`])
})

t.test('opening waits for the stop that is under way', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')])
  scene.tick()
  const { round } = scene.duty()
  scene.undrain('c', ['h1'])
  t.notOk(kinds(scene.tick()).includes('start'), 'the stop was sent and not seen')
  scene.view(viewOf(round, 'deactivating', dependentOf('inactive')))
  t.notOk(kinds(scene.tick()).includes('start'), 'the target stops')
  scene.view({ ...viewOf(round, 'inactive'), target: unitOf('inactive', { job: 'stop' }) })
  t.notOk(kinds(scene.tick(60_000)).includes('start'), 'a job is left')
  scene.view(viewOf(round, 'inactive'))
  t.ok(kinds(scene.tick()).includes('start'))
})

t.test('a stop that is never seen keeps a target shut for 15 seconds', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')])
  scene.tick()
  scene.undrain('c', ['h1'])
  t.notOk(kinds(scene.tick(14_999)).includes('start'))
  t.ok(kinds(scene.tick(1)).includes('start'))
})

t.test('a hold that was taken and released before any stop needs no waiting', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')])
  scene.undrain('c', ['h1'])
  t.ok(kinds(scene.tick()).includes('start'))
})

t.test('no view, no opening', async (t) => {
  const scene = drainedScene()
  scene.undrain('c', ['h1'])
  scene.state = { ...scene.state, duties: new Map([[target, { ...scene.duty(), view: null }]]) }
  t.notOk(kinds(scene.tick()).includes('start'))
})

t.test('the probes decide, each of them', async (t) => {
  const scene = drainedScene({ specs: [{ ...spec, needs: ['pg', 'redis'] }] })
  const command = scene.undrain('c', ['h1'], { limitMs: 10_000 })
  t.notOk(kinds(scene.tick()).includes('start'), 'redis was never probed')
  scene.probe(false, 'redis')
  t.notOk(kinds(scene.tick()).includes('start'))
  t.strictSame(outcomes(scene.tick(9_999)), [])
  t.strictSame(outcomes(scene.tick(1)), [`${command} deadline`])
  t.match(responses(scene.effects)[0], { message: 'released, waiting for redis: connection refused' })
  scene.probe(true, 'redis')
  t.ok(kinds(scene.tick()).includes('start'), 'and it opens later')
})

t.test('a deadline names a stop that was not seen to end', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')])
  scene.tick()
  const command = scene.undrain('c', ['h1'], { limitMs: 0 })
  t.match(responses(scene.tick())[0], { id: command, message: 'released, waiting for the stop to end' })
})

t.test('a deadline names the coordinator where that has not said so', async (t) => {
  const scene = new Scene()
  scene.view(viewOf(0, 'inactive'))
  scene.probe(true)
  scene.send({ type: 'greeted-v1', link: 'old' })
  scene.v1('old', 'undrain', 0)
  const text = 'released, waiting for the coordinator, which has no link here'
  t.match(scene.tick(), [{ type: 'note' }, { type: 'send-v1', ok: false, text }])
})

t.test('a deadline names a resource that went away before the target was started again', async (t) => {
  const scene = drainedScene()
  const command = scene.undrain('c', ['h1'], { limitMs: 2_000 })
  scene.tick()
  scene.probe(false)
  t.match(responses(scene.tick(2_000))[0], { id: command, message: 'released, waiting for pg: connection refused' })
})

t.test('a deadline while it starts names what still does', async (t) => {
  const scene = drainedScene()
  const command = scene.undrain('c', ['h1'], { limitMs: 2_000 })
  scene.tick()
  const { round } = scene.duty()
  scene.view(viewOf(round, 'active', dependentOf('activating')))
  t.match(responses(scene.tick(2_000))[0], { id: command, message: `${target} still starts: app.service` })
  scene.view(viewOf(round, 'active', dependentOf('active')))
  t.strictSame(notes(scene.tick()), ['opened'])
})

t.test('progress of an opening that nothing was seen of', async (t) => {
  const scene = drainedScene()
  scene.probe(false)
  scene.undrain('c', ['h1'])
  scene.state = { ...scene.state, duties: new Map([[target, { ...scene.duty(), view: null }]]) }
  const [message] = scene.tick(1_000).flatMap((effect) => (effect.type === 'send' ? [effect.message] : []))
  t.match(message, { type: 'progress', units: [unit] })
})

t.test('a direct undrain by id ends a hold whose coordinator never returns', async (t) => {
  const scene = drainedScene({ policy: { bootWithoutCoordinatorMs: null } })
  scene.send({ type: 'link-closed', link: 'c' })
  scene.greet('d', direct)
  scene.undrain('d', ['h1'], { authority: direct })
  t.ok(kinds(scene.tick()).includes('start'))
})

t.test('a gate releases what is its own and nothing else', async (t) => {
  const gate: Authority = { kind: 'gate', resource: 'pg' }
  const scene = drainedScene({}, [holdOf('h1'), holdOf('pg/boot/1', 'gate:pg')])
  scene.greet('g', gate)
  scene.undrain('g', ['h1', 'pg/boot/1'], { authority: gate })
  t.strictSame(scene.disk.records.get(target)?.marker, [holdOf('h1')])
})

t.test('a permission is forgotten with the next hold', async (t) => {
  const scene = drainedScene()
  scene.probe(false)
  scene.undrain('c', ['h1'])
  t.equal(scene.duty().allowed, true)
  scene.drain('c', [holdOf('h2')])
  scene.undrain('c', ['h2'], { allow: false })
  scene.probe(true)
  t.notOk(kinds(scene.tick()).includes('start'))
})

t.test('a permission is kept until it opens', async (t) => {
  const scene = drainedScene()
  scene.probe(false)
  scene.undrain('c', ['h1'])
  scene.undrain('c', [], { allow: false })
  scene.probe(true)
  t.ok(kinds(scene.tick()).includes('start'))
})
