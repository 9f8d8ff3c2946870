import t from 'tap'
import { beginRollouts, rebased, rebasedRun } from '../../../../coordinator/core/rollout/begin.ts'
import { jobIdOf } from '../../../../coordinator/core/rollout/ids.ts'
import { isRolling } from '../../../../coordinator/core/rollout/kinds.ts'
import { restarted, storeOf } from './restart.ts'
import { type Manner, newSystem, oldSystem, policyOf, Site, well } from './site.ts'

const said = { operator: 'ada', message: '' }
const two = policyOf({ stages: [{ name: 'all', select: '*', maxParallel: 1, soak: 0 }] })
const slow: Manner = ({ want }) => (want === 'active' ? null : {})

function midway(): Site {
  const site = new Site({ hosts: ['a1', 'b1'], policy: two })
  site.manners.set('a1', slow)
  return site.plan().start()
}

t.test('whatever a rollout did is what its store says', async (t) => {
  const site = midway()
  const stored = storeOf(site.fleet.saves.map(({ rollouts }) => rollouts))
  t.strictSame(beginRollouts(stored).all, site.fleet.state.rollouts.all)
  t.strictSame(beginRollouts(stored).runs, site.fleet.state.rollouts.runs)
  t.equal(stored.nextRollout, 2)
  t.equal(stored.nextEvent, site.fleet.state.rollouts.nextEvent)
})

t.test('a coordinator that begins again goes on where it was', async (t) => {
  const site = restarted(midway())
  t.equal(site.runs, 'a1 activating, b1 ready')
  site.set('a1', { is: 'active', current: newSystem, health: well })
  t.equal(site.runs, 'a1 done, b1 done')
  t.equal(site.is, 'succeeded')
})

t.test('a coordinator may end after each of its saves', async (t) => {
  const whole = new Site({ policy: two }).plan().start().fleet.saves.length
  for (let at = 1; at <= whole; at += 1) {
    const site = new Site({ policy: two })
    const dispatch = site.fleet.send.bind(site.fleet)
    let isOver = false
    site.fleet.send = (event) => {
      if (isOver) return null
      const answer = dispatch(event)
      isOver = site.fleet.saves.length >= at
      // It ended behind the save: nothing of what follows from it was done.
      if (isOver) site.fleet.effects = []
      return answer
    }
    try {
      site.plan().start()
    } catch {
      t.ok(isOver, 'cut off')
    }
    site.fleet.send = dispatch
    restarted(site)
    if (site.fleet.state.rollouts.all.get('r1')?.now.is === 'planned') site.start()
    t.equal(site.runs, 'a1 done, b1 done', `after save ${at}`)
    t.strictSame(
      [...site.machines.values()].flatMap(({ holds }) => holds),
      [],
      `after save ${at}`,
    )
  }
})

t.test('spans begin again in another boot', async (t) => {
  const site = midway()
  t.equal(rebased(site.rollout, 7).sinceMs, 7)
  t.equal(rebased(site.rollout, 7).stage.sinceMs, 7)
  t.equal(rebasedRun(site.run('a1'), 7).slotMs, 7)
  t.equal(rebasedRun(site.run('b1'), 7).slotMs, null)
})

t.test('runs of a rollout that the store has lost are left alone', async (t) => {
  const { rollouts } = midway().fleet.state
  const runs = [...rollouts.runs.values()].flatMap((each) => [...each.values()])
  t.strictSame(beginRollouts({ rollouts: [], runs, locks: [], nextRollout: 1, nextEvent: 1 }).runs, new Map())
})

t.test('what the store refuses has not happened, and is tried again', async (t) => {
  const site = midway()
  site.fleet.isFull = true
  const before = site.fleet.state
  site.machine('a1').jobs.set(site.run('a1').job, { ...site.job('a1'), is: 'active', current: newSystem, health: well })
  site.report('a1')
  site.settle()
  t.equal(site.runs, 'a1 activating, b1 ready')
  t.equal(site.fleet.state.rollouts.all, before.rollouts.all)
  site.fleet.isFull = false
  t.equal(site.pass(1_000).is, 'succeeded')
})

t.test('once nothing is due the state stays the one that it is', async (t) => {
  const site = midway()
  const { state } = site.fleet
  site.send({ type: 'advance' })
  t.equal(site.fleet.state, state)
  const ended = new Site().plan().start()
  t.notOk(isRolling(ended.fleet.state))
  const after = ended.fleet.state
  ended.send({ type: 'advance' })
  t.equal(ended.fleet.state, after)
})

t.test('a superseded coordinator moves and orders nothing, and a takeover pauses', async (t) => {
  const site = midway()
  site.fleet.outrank('a1', { epoch: 9, instance: 'e'.repeat(32), revision: 99 })
  const { state } = site.fleet
  site.set('a1', { is: 'active', current: newSystem, health: well })
  t.equal(site.runs, 'a1 activating, b1 ready')
  t.equal(site.fleet.state.rollouts, state.rollouts)
  t.equal(
    site.fleet.refusal({ type: 'rollout-ordered', rollout: 'r1', order: { verb: 'pause', ...said } })?.code,
    'superseded',
  )
  site.fleet.takeOver()
  site.settle()
  t.equal(site.is, 'paused')
  t.match(site.rollout.reason, 'taken over')
  t.ok(site.fleet.lastSave)
  for (const host of ['a1', 'b1']) site.back(host)
  t.equal(site.runs, 'a1 soaking, b1 ready', 'who was on its way arrives')
  t.equal(site.status.exit, 6)
  t.equal(site.order({ verb: 'resume', ...said }).is, 'succeeded')
  const again = new Site().plan().start()
  again.fleet.outrank('a1', { epoch: 9, instance: 'e'.repeat(32), revision: 99 })
  again.fleet.takeOver()
  t.equal(again.is, 'succeeded', 'an end is one')
})

t.test('a store of long ago claims nothing that a job does not show', async (t) => {
  const rows: readonly (readonly [what: string, job: Parameters<Site['set']>[1], now: string])[] = [
    ['it is as was known', { is: 'prefetched', baselineBootId: null }, 'ready'],
    ['its baseline was taken', { is: 'baselined' }, 'ready'],
    ['it is at its switch', { is: 'activating' }, 'reverted'],
    ['it runs', { is: 'active', current: newSystem }, 'reverted'],
    ['it has failed', { is: 'failed' }, 'reverted'],
    ['it went back', { is: 'reverted', health: well }, 'reverted'],
    ['it committed', { is: 'committed', current: newSystem, profile: newSystem, health: well }, 'done'],
    ['it committed what does not run', { is: 'committed', profile: newSystem }, 'reverted'],
  ]
  for (const [what, job, now] of rows) {
    const site = new Site({ hosts: ['a1'], policy: policyOf({ gates: { before: [{ exec: ['x'] }] } }) }).plan().start()
    t.equal(site.runs, 'a1 ready')
    site.set('a1', { baselineBootId: 'b'.repeat(32), ...job })
    t.equal(site.run('a1').now.is, now, what)
  }
  for (const [is, verb] of [
    ['deferred', null],
    ['blocked', null],
    ['skipped', 'skip'],
  ] as const) {
    const site = new Site({ hosts: ['a1', 'b1'], policy: policyOf({ gates: { before: [{ exec: ['x'] }] } }) })
    site.manners.set('a1', ({ want }) => (want === 'prefetched' ? (is === 'deferred' ? { action: 'reboot' } : {}) : {}))
    site.plan().start()
    if (verb === 'skip') {
      site.manners.set('a1', () => null)
      site.order({ verb, host: 'a1', ...said })
    }
    if (is === 'blocked') site.set('a1', { is: 'blocked', reason: 'x' })
    t.equal(site.run('a1').now.is, is)
    const machine = site.machine('a1')
    const job = machine.jobs.get(site.run('a1').job)
    if (job === undefined) throw new Error('it has no job')
    machine.jobs.set(job.job, { ...job, is: 'active', current: newSystem, baselineBootId: machine.boot })
    site.manners.delete('a1')
    site.report('a1')
    t.equal(site.settle().run('a1').now.is, 'reverted', is)
  }
})

t.test('ids are those of their request, and of no other', async (t) => {
  const request = '0123456789abcdef0123456789abcdef'
  const ids = new Set<string>()
  for (let host = 0; host < 1_000; host += 1)
    for (let attempt = 1; attempt < 4; attempt += 1) ids.add(jobIdOf(request, `web${host}`, attempt))
  t.equal(ids.size, 3_000)
  for (const id of ids) t.match(id, /^[0-9a-f]{32}$/)
  t.equal(jobIdOf(request, 'web1', 1), jobIdOf(request, 'web1', 1))
  t.not(jobIdOf(request, 'web1', 1), jobIdOf('1'.repeat(32), 'web1', 1))
})

t.test('a host keeps its last job as the way back, and forgets the others', async (t) => {
  const site = new Site({ hosts: ['a1'] }).plan().start()
  const first = site.run('a1').job
  t.strictSame([...site.machine('a1').jobs.keys()], [first])
  site.plan().start()
  t.strictSame([...site.machine('a1').jobs.keys()], [site.run('a1').job], 'the first goes once the next is done')
  site
    .plan()
    .order({ verb: 'discard', ...said })
    .plan()
  t.strictSame(site.machine('a1').jobs.size, 2)
  t.notOk(site.machine('a1').jobs.has(first))
  const strange = { ...site.job('a1'), job: 'e'.repeat(32), rollout: 'r99' }
  site.machine('a1').jobs.set(strange.job, strange)
  site.report('a1')
  site.settle()
  t.ok(site.machine('a1').jobs.has(strange.job), 'of a job that nobody knows nothing is said')
})

t.test('an order that brings nothing is sent again, later and later, and at once on a new link', async (t) => {
  const site = new Site({ hosts: ['a1'] })
  site.manners.set('a1', () => null)
  site.plan()
  const { wants } = site.machine('a1')
  t.equal(wants.length, 1)
  site.pass(999)
  t.equal(wants.length, 1)
  site.pass(1)
  t.equal(wants.length, 2)
  site.pass(1_999).pass(1)
  t.equal(wants.length, 3)
  site.down('a1').back('a1')
  t.equal(wants.length, 4)
  for (let count = 0; count < 20; count += 1) site.pass(30_000)
  t.equal(wants.length, 24)
  t.equal(oldSystem.length, newSystem.length)
})
