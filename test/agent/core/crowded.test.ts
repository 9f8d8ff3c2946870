import t from 'tap'
import type { Authority } from '../../../protocol/authority.ts'
import { limits } from '../../../protocol/limits.ts'
import { drainedScene, holdOf, notes, outcomes, responses, type Scene, target } from './scene.ts'

const gate: Authority = { kind: 'gate', resource: 'pg' }
const person: Authority = { kind: 'direct', operator: 'anna' }

function idsOn(scene: Scene): readonly string[] {
  return (scene.disk.records.get(target)?.marker ?? []).map(({ id }) => id)
}

t.test('however often a database is restarted without a coordinator, its gate has one hold', async (t) => {
  const scene = drainedScene()
  for (let seq = 1; seq <= 100; seq += 1) {
    scene.greet(`g${seq}`, gate)
    const command = scene.drain(`g${seq}`, [holdOf(`pg/boot/${seq}`, 'gate:pg')], { authority: gate })
    t.strictSame(notes(scene.effects), seq === 1 ? ['hold-taken'] : ['hold-released', 'hold-taken'])
    t.strictSame(outcomes(scene.tick()), [`${command} ok`], 'it stays drained meanwhile')
    t.strictSame(idsOn(scene), ['h1', `pg/boot/${seq}`])
  }
})

t.test('an order that was long under way takes nothing from the run that came before it', async (t) => {
  const scene = drainedScene({}, [holdOf('pg/boot/7', 'gate:pg')])
  scene.greet('g', gate)
  scene.drain('g', [holdOf('pg/boot/5', 'gate:pg')], { authority: gate })
  scene.undrain('c', ['pg/boot/5'])
  t.strictSame(idsOn(scene), ['pg/boot/7'])
})

t.test('a coordinator says itself which run of a gate is over', async (t) => {
  const scene = drainedScene({}, [holdOf('pg/boot/5', 'gate:pg')])
  scene.drain('c', [holdOf('pg/boot/7', 'gate:pg')])
  t.strictSame(idsOn(scene), ['pg/boot/5', 'pg/boot/7'])
})

t.test('a full disk keeps the run before', async (t) => {
  const scene = drainedScene({}, [holdOf('pg/boot/5', 'gate:pg')])
  scene.isFull = true
  scene.greet('g', gate)
  scene.drain('g', [holdOf('pg/boot/7', 'gate:pg')], { authority: gate })
  t.strictSame(idsOn(scene), ['pg/boot/5'])
  scene.isFull = false
  scene.tick()
  t.strictSame(idsOn(scene), ['pg/boot/7'])
})

t.test('people who drain again and again without a coordinator are stopped in words', async (t) => {
  const scene = drainedScene()
  scene.greet('p', person)
  const ids = Array.from({ length: limits.directHoldsMax }, (_, at) => `direct/${at}`)
  for (const id of ids) scene.drain('p', [holdOf(id, 'direct')], { authority: person })
  scene.tick()
  const { saves } = scene
  const command = scene.drain('p', [holdOf('direct/more', 'direct')], { authority: person })
  t.strictSame(outcomes(scene.effects), [`${command} failed`])
  t.match(responses(scene.effects)[0], { message: /has 16 holds of direct/, report: { is: 'drained' } })
  t.equal(scene.saves, saves)
  const again = scene.drain('p', [holdOf('direct/3', 'direct')], { authority: person })
  t.strictSame(outcomes(scene.tick()), [`${again} ok`], 'one that it has is no further one')
  const other = scene.drain('c', [holdOf('h2')])
  t.strictSame(outcomes(scene.tick()), [`${other} ok`], 'nor is a coordinator’s')
  const instead = scene.drain('p', [holdOf('direct/more', 'direct')], { authority: person, release: ['direct/0'] })
  t.strictSame(outcomes(scene.tick()), [`${instead} ok`])
  t.strictSame(idsOn(scene), ['h1', ...ids.slice(1), 'h2', 'direct/more'])
})
