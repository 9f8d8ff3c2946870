import t from 'tap'
import {
  bootId,
  claimOf,
  dependentOf,
  drainedScene,
  holdOf,
  kinds,
  notes,
  openScene,
  outcomes,
  responses,
  Scene,
  target,
  twin,
  viewOf,
} from './scene.ts'

const stopped = (scene: Scene) => viewOf(scene.duty().round, 'inactive', dependentOf('inactive'))

t.test('a drain is carried out on a full disk, and answered not persisted', async (t) => {
  const scene = openScene()
  scene.isFull = true
  const command = scene.drain('c', [holdOf('h1')])
  t.strictSame(notes(scene.effects), ['hold-taken', 'not-persisted'])
  t.ok(kinds(scene.tick()).includes('stop'))
  scene.view(stopped(scene))
  t.strictSame(outcomes(scene.tick()), [`${command} not-persisted`])
  t.match(responses(scene.effects)[0], { message: /a reboot would open it/, report: { is: 'drained', durable: false } })
  scene.isFull = false
  t.ok(kinds(scene.tick()).includes('report'))
  t.equal(scene.duty().durable, true)
  t.strictSame(scene.disk.records.get(target)?.marker, [holdOf('h1')])
})

t.test('the same drain again, once there is room, is persisted', async (t) => {
  const scene = openScene()
  scene.isFull = true
  scene.drain('c', [holdOf('h1')])
  scene.tick()
  scene.view(stopped(scene))
  scene.isFull = false
  const command = scene.drain('c', [holdOf('h1')])
  t.strictSame(scene.disk.records.get(target)?.marker, [holdOf('h1')])
  t.ok(outcomes(scene.tick()).includes(`${command} ok`))
})

t.test('a deadline is told on a full disk too', async (t) => {
  const scene = openScene()
  scene.isFull = true
  const command = scene.drain('c', [holdOf('h1')], { limitMs: 1_000 })
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'deactivating'))
  t.strictSame(outcomes(scene.tick(1_000)), [`${command} deadline`])
})

t.test('an undrain is refused on a full disk, and changes nothing', async (t) => {
  const scene = drainedScene()
  scene.isFull = true
  const command = scene.undrain('c', ['h1'])
  t.strictSame(outcomes(scene.effects), [`${command} not-persisted`])
  t.match(responses(scene.effects)[0], {
    message: /no hold was released/,
    report: { is: 'drained', holds: [holdOf('h1')] },
  })
  t.notOk(kinds(scene.tick(60_000)).includes('start'))
  scene.isFull = false
  scene.undrain('c', ['h1'])
  t.ok(kinds(scene.tick()).includes('start'))
})

t.test('what a refused release may have left on the disk is written over', async (t) => {
  const scene = drainedScene()
  scene.isFull = true
  scene.undrain('c', ['h1'])
  t.match(responses(scene.effects)[0], { report: { durable: false } }, 'the disk may hold either')
  scene.disk.records.set(target, { marker: [], opening: null })
  scene.isFull = false
  scene.tick()
  t.strictSame(scene.disk.records.get(target), { marker: [holdOf('h1')], opening: null })
  t.equal(scene.duty().durable, true)
})

t.test('a release that the disk refused is not lost for holds that stay in memory only', async (t) => {
  const scene = openScene()
  scene.isFull = true
  scene.drain('c', [holdOf('h1'), holdOf('h2')])
  scene.isFull = false
  scene.undrain('c', ['h1'])
  t.strictSame(scene.disk.records.get(target)?.marker, [holdOf('h2')])
  t.equal(scene.duty().durable, true)
})

t.test('no target opens before its decision is on disk', async (t) => {
  const scene = drainedScene()
  const command = scene.undrain('c', ['h1'])
  scene.isFull = true
  scene.tick()
  t.strictSame(outcomes(scene.effects), [`${command} not-persisted`])
  t.notOk(kinds(scene.effects).includes('start'))
  t.match(responses(scene.effects)[0]?.message, /stays shut/)
  scene.isFull = false
  t.ok(kinds(scene.tick()).includes('start'))
})

t.test('a target that came up is told of, and its decision is written when there is room', async (t) => {
  const scene = drainedScene()
  const command = scene.undrain('c', ['h1'])
  scene.tick()
  scene.isFull = true
  scene.view(viewOf(scene.duty().round, 'active'))
  t.strictSame(outcomes(scene.tick()), [`${command} ok`])
  t.strictSame(scene.disk.records.get(target)?.opening, { bootId, is: 'opening' })
  scene.isFull = false
  scene.tick()
  t.strictSame(scene.disk.records.get(target)?.opening, { bootId, is: 'open' })
})

t.test('a claim that the disk refused is believed, and written at the next word', async (t) => {
  const scene = new Scene({ seen: claimOf(5, 10) })
  scene.isFull = true
  scene.greet('c', { kind: 'coordinator', claim: claimOf(6, 10, twin) })
  t.strictSame(notes(scene.effects), ['claim-accepted'])
  t.strictSame(scene.state.seen, claimOf(6, 10, twin))
  t.strictSame(scene.disk.seen, claimOf(5, 10))
  t.match(kinds(scene.greet('old', { kind: 'coordinator', claim: claimOf(5, 10) })), ['send', 'close', 'note'])
  scene.isFull = false
  scene.send({ type: 'pinged', link: 'c', nonce: 1, claim: claimOf(6, 10, twin) })
  t.strictSame(scene.disk.seen, claimOf(6, 10, twin))
  const { saves } = scene
  scene.send({ type: 'pinged', link: 'c', nonce: 2, claim: claimOf(6, 10, twin) })
  t.equal(scene.saves, saves, 'and once is enough')
})

t.test('an order whose claim cannot be written is carried out', async (t) => {
  const scene = drainedScene()
  scene.isFull = true
  const authority = { kind: 'coordinator' as const, claim: claimOf(1, 2) }
  const command = scene.drain('c', [holdOf('h1')], { authority })
  t.strictSame(outcomes(scene.tick()), [`${command} ok`], 'its hold is on disk')
  t.strictSame(scene.disk.seen, claimOf())
  scene.isFull = false
  scene.drain('c', [holdOf('h1')], { authority })
  t.strictSame(scene.disk.seen, claimOf(1, 2))
})

t.test(
  'a self hold is not released on a full disk, and whoever waits for the drain is told at the deadline',
  async (t) => {
    const scene = openScene({ records: { [target]: { marker: [holdOf('self/1', 'self')], opening: null } } })
    const command = scene.drain('c', [holdOf('h1')], { limitMs: 40_000 })
    scene.isFull = true
    scene.view(viewOf(scene.duty().round, 'deactivating'))
    t.strictSame(outcomes(scene.tick(40_000)), [`${command} deadline`])
    t.strictSame(
      scene.duty().record.marker?.map(({ owner }) => owner),
      ['self', 'operator:ada'],
    )
  },
)
