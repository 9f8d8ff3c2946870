import t from 'tap'
import {
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
  sentTo,
  spec,
  target,
  unit,
  unitOf,
  viewOf,
} from './scene.ts'

const stopped = (round: number) => viewOf(round, 'inactive', dependentOf('inactive'))

t.test('a drain: marker, stop, and the answer when all has stopped', async (t) => {
  const scene = openScene()
  const command = scene.drain('c', [holdOf('h1')])
  t.strictSame(scene.disk.records.get(target), { marker: [holdOf('h1')], opening: null })
  t.strictSame(scene.disk.seen, claimOf())
  t.strictSame(kinds(scene.effects), ['note', 'report'], 'the stop is not in the step that saves')
  t.strictSame(kinds(scene.tick()), ['note', 'stop', 'report'])
  t.strictSame(notes(scene.effects), ['drain-started'])
  const { round } = scene.duty()
  t.strictSame(outcomes(scene.view(viewOf(round, 'inactive', dependentOf('deactivating')))), [])
  t.strictSame(outcomes(scene.tick()), [], 'a dependent still stops')
  scene.view(stopped(round))
  t.strictSame(outcomes(scene.tick()), [`${command} ok`])
  t.strictSame(notes(scene.effects), ['drained'])
  const [answer] = responses(scene.effects)
  t.equal(answer?.report?.is, 'drained')
  t.strictSame(answer?.report?.holds, [holdOf('h1')])
})

t.test('a unit that ended failed is drained, and named', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')])
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('failed')))
  const [answer] = responses(scene.tick())
  t.match(answer, { outcome: 'ok', units: ['app.service'], message: /failed: app\.service/ })
})

t.test('a hold that the marker has already changes nothing on disk and is answered', async (t) => {
  const scene = drainedScene()
  const { saves } = scene
  const command = scene.drain('c', [holdOf('h1')])
  t.equal(scene.saves, saves)
  t.strictSame(kinds(scene.effects), [])
  t.strictSame(outcomes(scene.tick()), [`${command} ok`])
  t.strictSame(notes(scene.effects), [], 'it was drained long ago')
})

t.test('a second hold on a drained target needs no second stop', async (t) => {
  const scene = drainedScene()
  const command = scene.drain('c', [holdOf('h2')])
  t.strictSame(scene.disk.records.get(target)?.marker, [holdOf('h1'), holdOf('h2')])
  t.strictSame(kinds(scene.tick()), ['send'])
  t.strictSame(outcomes(scene.effects), [`${command} ok`])
})

t.test('a drain may take one hold and drop another in one save', async (t) => {
  const scene = drainedScene()
  scene.drain('c', [holdOf('h2')], { release: ['h1', 'unknown'] })
  t.strictSame(scene.disk.records.get(target)?.marker, [holdOf('h2')])
  t.strictSame(notes(scene.effects), ['hold-released', 'hold-taken'])
  t.strictSame(kinds(scene.tick()), ['send'], 'it stayed drained')
})

t.test('dropping one of two holds with a drain that names the other', async (t) => {
  const scene = drainedScene({}, [holdOf('h1'), holdOf('h2')])
  scene.drain('c', [holdOf('h2')], { release: ['h1'] })
  t.strictSame(scene.disk.records.get(target)?.marker, [holdOf('h2')])
})

t.test('views of before the stop do not count', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')])
  scene.tick()
  const { round } = scene.duty()
  scene.view(stopped(round - 1))
  t.strictSame(outcomes(scene.tick()), [])
  scene.view(stopped(round))
  scene.view(viewOf(round - 1, 'active'))
  t.equal(scene.duty().view?.round, round, 'an older view than the last is dropped')
})

t.test('a stop that nobody has seen is sent again after five seconds, in a round of its own', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')])
  scene.tick()
  const { round } = scene.duty()
  t.notOk(kinds(scene.tick(4_999)).includes('stop'))
  t.strictSame(
    scene.tick(1).filter(({ type }) => type === 'stop'),
    [{ type: 'stop', target, round: round + 1 }],
  )
  t.strictSame(notes(scene.effects), [], 'it is the same drain')
})

t.test('a stop is lost also where no view ever came', async (t) => {
  const scene = openScene()
  scene.state = { ...scene.state, duties: new Map([[target, { ...scene.duty(), view: null }]]) }
  scene.drain('c', [holdOf('h1')])
  t.ok(kinds(scene.tick()).includes('stop'))
  t.notOk(kinds(scene.tick(4_999)).includes('stop'))
  t.ok(kinds(scene.tick(1)).includes('stop'))
})

t.test('a cancelled stop is sent again after half a second', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')])
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('active')))
  t.strictSame(kinds(scene.tick(499)), [])
  t.ok(kinds(scene.tick(1)).includes('stop'))
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('active', { job: 'stop' })))
  t.notOk(kinds(scene.tick(60_000)).includes('stop'), 'queued, it is not lost')
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('inactive', { processes: 3 })))
  t.notOk(kinds(scene.tick(1_000)).includes('stop'), 'left-over processes are waited for, not stopped again')
})

t.test('the deadline is inclusive, ends the waiting and not the stop', async (t) => {
  const scene = openScene()
  const command = scene.drain('c', [holdOf('h1')], { limitMs: 5_000 })
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('deactivating')))
  t.strictSame(outcomes(scene.tick(4_999)), [])
  const late = scene.tick(1)
  t.strictSame(outcomes(late), [`${command} deadline`])
  t.match(responses(late)[0], { message: `${target} still stops: app.service`, units: ['app.service'] })
  t.strictSame(notes(late), ['deadline-passed'])
  t.strictSame(outcomes(scene.tick(10_000)), [], 'told once')
  scene.view(stopped(scene.duty().round))
  t.strictSame(notes(scene.tick()), ['drained'])
})

t.test('whoever waits is told twice a second for what', async (t) => {
  const scene = openScene()
  const command = scene.drain('c', [holdOf('h1')])
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('deactivating')))
  t.strictSame(sentTo(scene.tick(999), 'c'), [])
  const told = [{ type: 'progress', id: command, units: ['app.service'] }]
  t.strictSame(sentTo(scene.tick(1), 'c'), told)
  t.strictSame(sentTo(scene.tick(499), 'c'), [])
  t.strictSame(sentTo(scene.tick(1), 'c'), told)
})

t.test('a breach is counted, and stopped again', async (t) => {
  const scene = drainedScene()
  t.strictSame(notes(scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('active', { guarded: false })))), [
    'breached',
  ])
  t.equal(scene.duty().breaches, 1)
  t.strictSame(notes(scene.tick()), ['drain-started'])
  t.ok(kinds(scene.effects).includes('stop'))
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('deactivating')))
  t.equal(scene.duty().breaches, 1, 'counted once')
  scene.view(stopped(scene.duty().round))
  t.strictSame(notes(scene.tick()), ['drained'])
})

t.test('what becomes active without a hold is no breach', async (t) => {
  const scene = openScene()
  t.strictSame(notes(scene.view(viewOf(0, 'active', dependentOf('activating')))), [])
  t.equal(scene.duty().breaches, 0)
})

t.test('an agent that starts and finds a marker drains again', async (t) => {
  const early = new Scene({ records: { [target]: { marker: [holdOf('h1')], opening: null } } })
  early.view(stopped(1))
  t.ok(kinds(early.tick()).includes('stop'), 'whatever was seen before its own stop')
  const scene = openScene({ records: { [target]: { marker: [holdOf('h1')], opening: null } } })
  t.equal(scene.duty().work.is, 'stopping')
  scene.view(stopped(scene.duty().round))
  t.strictSame(notes(scene.tick()), ['drained'])
})

t.test('a drain that takes the stop over from an undrain that is not over yet', async (t) => {
  const scene = drainedScene()
  scene.probe(false)
  const undrain = scene.undrain('c', ['h1'])
  t.equal(scene.duty().record.marker?.length, 0)
  const drain = scene.drain('c', [holdOf('h2')])
  t.strictSame(outcomes(scene.effects), [`${undrain} replaced`])
  t.match(responses(scene.effects)[0]?.report, { holds: [holdOf('h2')], is: 'draining' })
  t.ok(kinds(scene.tick()).includes('stop'), 'nothing that was seen before counts')
  scene.view(stopped(scene.duty().round))
  t.strictSame(outcomes(scene.tick()), [`${drain} ok`])
})

t.test('a drain that brings nothing new ends the waiting of an undrain too', async (t) => {
  const scene = drainedScene({}, [holdOf('h1')])
  const undrain = scene.undrain('c', [])
  t.strictSame(outcomes(scene.effects), [`${undrain} held`], 'held, so it never waited')
  t.strictSame(scene.duty().waiters, [])
})

t.test('a hold while opening ends the opening', async (t) => {
  const scene = drainedScene()
  const undrain = scene.undrain('c', ['h1'])
  scene.tick()
  t.equal(scene.duty().work.is, 'starting')
  scene.drain('c', [holdOf('h2')])
  t.strictSame(outcomes(scene.effects), [`${undrain} replaced`])
  t.strictSame(scene.disk.records.get(target), { marker: [holdOf('h2')], opening: null })
  const effects = scene.tick()
  t.ok(kinds(effects).includes('stop'))
  t.notOk(kinds(effects).includes('start'))
})

t.test('the units of the target itself are named while nothing was seen', async (t) => {
  const scene = openScene()
  scene.state = { ...scene.state, duties: new Map([[target, { ...scene.duty(), view: null }]]) }
  scene.drain('c', [holdOf('h1')], { limitMs: 0 })
  t.match(responses(scene.tick())[0], { outcome: 'deadline', units: [unit] })
})

t.test('left-over processes that may stay do not keep a drain waiting', async (t) => {
  const scene = openScene({ specs: [{ ...spec, allowLeftovers: ['app.service'] }] })
  const command = scene.drain('c', [holdOf('h1')])
  scene.tick()
  const view = { ...viewOf(scene.duty().round, 'inactive'), dependents: [dependentOf('inactive', { processes: 4 })] }
  scene.view({ ...view, target: unitOf('inactive') })
  t.strictSame(outcomes(scene.tick()), [`${command} ok`])
})

t.test('a view of a target that is not there, and a tick for one, are nothing', async (t) => {
  const scene = openScene()
  const { state } = scene
  t.strictSame(scene.view(stopped(1), 'other'), [])
  t.strictSame(scene.tick(0, 'other'), [])
  t.equal(scene.state, state)
})

t.test('each who waits is told in its own time', async (t) => {
  const scene = openScene()
  const first = scene.drain('c', [holdOf('h1')], { limitMs: 3_000 })
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'deactivating'))
  scene.nowMs += 600
  const second = scene.drain('c', [holdOf('h2')], { limitMs: 90_000 })
  const told = (afterMs: number) =>
    sentTo(scene.tick(afterMs), 'c').map((message) => ('id' in message ? message.id : ''))
  t.strictSame(told(400), [first])
  t.strictSame(told(600), [first, second])
  t.strictSame(told(1_400), [first, second], 'the deadline of one is no progress of it')
  t.strictSame(
    scene.duty().waiters.map(({ command }) => command),
    [second],
  )
})

t.test('a round is above any that a view may carry', async (t) => {
  const scene = openScene()
  scene.view(viewOf(5, 'active'))
  scene.drain('c', [holdOf('h1')])
  t.equal(scene.duty().round, 6)
  scene.tick()
  t.equal(scene.duty().round, 7)
})

t.test('on a slow bus the pause between stops doubles, until one is followed by a view', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1')], { limitMs: 3_600_000 })
  scene.tick()
  for (const pauseMs of [5_000, 10_000, 20_000, 40_000, 80_000, 80_000]) {
    t.notOk(kinds(scene.tick(pauseMs - 1)).includes('stop'), `not before ${pauseMs} ms`)
    t.ok(kinds(scene.tick(1)).includes('stop'), `after ${pauseMs} ms`)
  }
  scene.view(viewOf(scene.duty().round, 'active'))
  t.ok(kinds(scene.tick(500)).includes('stop'), 'seen, and cancelled')
  t.ok(kinds(scene.tick(5_000)).includes('stop'), 'the pauses begin anew')
})
