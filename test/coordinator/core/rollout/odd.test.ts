import t from 'tap'
import { turn } from '../../../../coordinator/core/rollout/advance.ts'
import { wantedConditions } from '../../../../coordinator/core/rollout/conditions.ts'
import { Draft } from '../../../../coordinator/core/rollout/draft.ts'
import { explain } from '../../../../coordinator/core/rollout/explain.ts'
import { unwellBy } from '../../../../coordinator/core/rollout/health.ts'
import { isEnded, phaseOf } from '../../../../coordinator/core/rollout/kinds.ts'
import { nextCommands } from '../../../../coordinator/core/rollout/next-commands.ts'
import { wantOf } from '../../../../coordinator/core/rollout/orders.ts'
import { nextOf } from '../../../../coordinator/core/rollout/run.ts'
import { fromReverting } from '../../../../coordinator/core/rollout/run-revert.ts'
import type { Scene } from '../../../../coordinator/core/rollout/scene.ts'
import type { HostRun } from '../../../../coordinator/core/rollout/state.ts'
import { rolloutStatus } from '../../../../coordinator/core/rollout/status.ts'
import { rolloutStep } from '../../../../coordinator/core/rollout/step.ts'
import { step } from '../../../../coordinator/core/step.ts'
import { runStates } from '../../../../protocol/rollout/api.ts'
import { specOf } from '../shapes.ts'
import { type Manner, newSystem, oldSystem, policyOf, Site, well } from './site.ts'

const min = 60_000
const said = { operator: 'ada', message: '' }
const slow =
  (...wants: readonly string[]): Manner =>
  ({ want }) =>
    wants.includes(want) ? null : {}

function begun(manner: Manner, more: Parameters<typeof policyOf>[0] = {}, hosts: readonly string[] = ['a1']): Site {
  const site = new Site({ hosts, policy: policyOf(more) })
  site.manners.set('a1', manner)
  return site.plan().start()
}

const withRun = (site: Site, change: Partial<HostRun>): Site => {
  const { state } = site.fleet
  const run = { ...site.run('a1'), ...change }
  const runs = new Map([...state.rollouts.runs, [site.id, new Map([['a1', run]])]])
  site.fleet.state = { ...state, rollouts: { ...state.rollouts, runs } }
  return site
}

t.test('a person releases the hold of a run that is on its way', async (t) => {
  const site = begun(slow('active'))
  const hold = site.run('a1').hold ?? ''
  site.send({ type: 'undrain-asked', request: { selector: '*', hold, force: false, dryRun: false } })
  site.settle()
  t.strictSame(site.machine('a1').holds, [])
  site.set('a1', { is: 'active', current: newSystem, health: well })
  t.equal(site.runs, 'a1 done')
})

t.test('a target that its agent does not have yet keeps a host from opening', async (t) => {
  const site = begun(slow('active'))
  const { plan } = site.fleet.state
  const more = new Map([
    ...plan.targets,
    ['db2', { name: 'db2', needs: [], waves: [], drainLimitMs: 1, undrainLimitMs: 60_000 }],
  ])
  site.send({
    type: 'configured',
    plan: { ...plan, targets: more, hosts: new Map([['a1', specOf('a1', { targets: ['db', 'db2'] })]]) },
  })
  site.settle().set('a1', { is: 'active', current: newSystem, health: well })
  t.equal(site.runs, 'a1 undraining')
  site.down('a1')
  t.equal(site.runs, 'a1 undraining')
  site.back('a1')
  t.equal(site.pass(6 * min - 1).runs, 'a1 undraining')
  site.pass(1)
  t.match(site.run('a1').failure?.reason, 'did not open in time')
  site.pass(10 * min).pass(6 * min)
  t.equal(site.run('a1').reason, 'not in service as before: it did not open')
})

t.test('an activation that ends with a word of its own', async (t) => {
  const site = begun(({ want }) => (want === 'active' ? { exit: 4 } : {}))
  t.ok(site.events.some(({ reason }) => reason === 'switch-to-configuration ended with 4'))
  t.equal(begun(({ want }) => (want === 'active' ? { exit: null } : {})).runs, 'a1 done')
})

t.test('a host that is not there when it is its turn', async (t) => {
  for (const [policy, now] of [
    ['fail', 'blocked'],
    ['skip', 'skipped'],
  ] as const) {
    const stages = [{ name: 'all', select: '*', maxParallel: 1, soak: 0 }]
    const site = begun(slow('active'), { stages, offline: policy }, ['a1', 'b1'])
    site.down('b1').set('a1', { is: 'active', current: newSystem, health: well })
    t.equal(site.runs, 'a1 soaking, b1 waiting', 'it may come back')
    t.match(site.run('b1').reason, 'has not told of its job yet')
    site.pass(20_000)
    t.equal(site.runs, `a1 done, b1 ${now}`)
    t.equal(site.status.exit, 10)
  }
})

t.test('a window that is looked at no more while a host waits for its slot', async (t) => {
  const window = 'Sun 02:00/3h'
  const budgets = { any: { select: '*', maxUnavailable: 1 } } as const
  const site = new Site({ hosts: ['a1', 'b1'], budgets, policy: policyOf({ reboot: { allow: 'window', window } }) })
  site.manners.set('a1', slow('active'))
  site.manners.set('b1', () => ({ action: 'reboot' }))
  site.plan().start()
  t.equal(site.runs, 'a1 activating, b1 ready', 'nobody has looked')
  site.tell(`window ${window}`, true).set('a1', { is: 'active', current: newSystem, health: well })
  t.equal(site.runs, 'a1 done, b1 done')
  const both = new Site({
    hosts: ['a1', 'b1'],
    budgets,
    policy: policyOf({ reboot: { allow: 'window', window }, gates: { before: [{ exec: ['x'] }] } }),
  })
  both.manners.set('a1', slow('active'))
  both.manners.set('b1', () => ({ action: 'reboot' }))
  both.plan().start().tell(`window ${window}`, true).tell('check {"exec":["x"]}', true)
  t.equal(both.runs, 'a1 activating, b1 waiting')
  both.pass(15_001)
  t.match(both.run('b1').reason, 'may reboot now is being looked at')
  both.tell(`window ${window}`, false)
  t.equal(both.runs, 'a1 activating, b1 deferred')
})

t.test('what soaked and failed is on its way back while its stage waits', async (t) => {
  const sick = { ...well, failed: ['x.service'] }
  const stages = [{ name: 'all', select: '*', maxParallel: 1, soak: '10m' }]
  const more = { stages, maxFailures: 1, gates: { between: [{ exec: ['x'] }] } }
  const gated = begun(slow('reverted'), more, ['a1', 'b1'])
  t.equal(gated.runs, 'a1 soaking, b1 ready')
  gated.set('a1', { health: sick }).pass(30_000)
  t.equal(gated.runs, 'a1 reverting, b1 ready')
  gated.order({ verb: 'skip', host: 'b1', ...said })
  t.equal(gated.is, 'running')
  gated.set('a1', { is: 'reverted', current: oldSystem, profile: oldSystem, health: well })
  t.equal(gated.is, 'failed')
  const soaking = begun(slow('reverted'), { ...more, gates: {} }, ['a1'])
  soaking
    .set('a1', { health: sick })
    .pass(30_000)
    .pass(10 * min)
  t.equal(soaking.is, 'running', 'also where only the soak is left')
  const gone = begun(() => ({}), more, ['a1', 'b1'])
  gone.set('a1', { health: sick })
  const { plan } = gone.fleet.state
  gone.send({ type: 'configured', plan: { ...plan, hosts: new Map([['b1', specOf('b1')]]) } })
  t.equal(gone.settle().run('a1').now.is, 'lost', 'of a host that left nobody says how it is')
})

t.test('a later stage that is still being prepared is somebody to go on to', async (t) => {
  const stages = [
    { name: 'a', select: '@a', soak: 0, promote: 'manual' as const },
    { name: 'b', select: '*', soak: 0 },
  ]
  const site = new Site({ policy: policyOf({ stages, gates: { before: [{ exec: ['x'] }] } }) }).plan().start()
  site.manners.set('b1', () => null)
  site.order({ verb: 'skip', host: 'b1', ...said }).order({ verb: 'retry', host: 'b1', ...said })
  site.tell('check {"exec":["x"]}', true)
  t.equal(site.runs, 'a1 done, b1 prefetching')
  t.strictSame(site.rollout.stage.now, { is: 'waiting', on: 'approval' })
  site.order({ verb: 'promote', full: false, ...said })
  t.equal(site.rollout.stage.reason, 'b1: not prepared yet')
})

t.test('a released slot is taken again by whoever is told once more to go back', async (t) => {
  const site = begun(({ want }) =>
    want === 'active' ? { is: 'failed' } : want === 'reverted' ? { is: 'revert-failed' } : {},
  )
  site.order({ verb: 'release', host: 'a1', ...said })
  t.equal(site.run('a1').slotMs, null)
  site.manners.set('a1', slow('reverted'))
  site.order({ verb: 'retry', host: 'a1', ...said })
  t.equal(site.run('a1').slotMs, site.fleet.nowMs)
})

t.test('a host that left the configuration goes back with the others when it is there again', async (t) => {
  const site = new Site().plan().start()
  const { plan } = site.fleet.state
  site.send({ type: 'configured', plan: { ...plan, hosts: new Map([['b1', specOf('b1')]]) } })
  site.settle().order({ verb: 'rollback', selector: 'a1', pastIrreversible: false, ...said })
  t.equal(site.runs, 'a1 done, b1 done')
  t.equal(site.is, 'rolling-back')
})

t.test('a host in service that failed, and left', async (t) => {
  const site = begun(() => ({}), { stages: [{ name: 'all', select: '*', soak: '1h' }] })
  site.set('a1', { health: { ...well, failed: ['x'] } })
  withRun(site, { now: { is: 'failed' }, failure: { step: 'soaking', reason: 'x' } })
  const { plan } = site.fleet.state
  site.send({ type: 'configured', plan: { ...plan, hosts: new Map() } })
  t.equal(site.settle().run('a1').now.is, 'lost')
})

t.test('while nobody tells of a host on its way, nothing is made up', async (t) => {
  const site = begun(slow('active'))
  site.machine('a1').jobs.clear()
  site.report('a1')
  site.settle()
  t.equal(site.status.hosts[0]?.reason, '')
  t.equal(site.pass(11 * min).run('a1').failure?.reason, 'the new system did not run in time')
})

t.test('what is seen of a host that nobody could have foreseen', async (t) => {
  const none = begun(({ want }) => (want === 'active' ? { health: null } : {}))
  none.set('a1', { current: null })
  t.match(none.run('a1').failure?.reason, 'it runs no known system')
  const site = new Site()
  site.manners.set('a1', () => null)
  site.plan()
  const { job } = site.run('a1')
  site.machine('a1').jobs.set(job, { ...site.job('b1'), job, is: 'prefetching', baselineBootId: 'b'.repeat(32) })
  site.report('a1')
  t.equal(site.settle().run('a1').now.is, 'prefetching')
  const ahead = { is: 'active' as const, baselineBootId: 'b'.repeat(32), current: newSystem, health: well }
  site.machine('a1').jobs.set(job, { ...site.job('b1'), job, ...ahead })
  site.manners.delete('a1')
  site.report('a1')
  t.equal(site.settle().run('a1').now.is, 'reverted', 'its store knew of a preparation only')
  const other = withRun(
    begun(() => ({ action: 'reboot' }), { gates: { before: [{ exec: ['x'] }] } }, ['a1', 'b1']),
    { now: { is: 'deferred', until: 'leave' } },
  )
  t.equal(withRun(other, { facts: { ...other.run('a1').facts, action: 'live' } }).settle().runs, 'a1 ready')
  const apart = new Site().plan({ selector: 'a1' }).plan({ selector: 'b1' })
  t.equal(explain(apart.fleet.state, 'a1', 0).rollout, 'r1')
})

t.test('a superseded coordinator wants to know nothing', async (t) => {
  const site = new Site({ policy: policyOf({ gates: { before: [{ exec: ['x'] }] } }) }).plan().start()
  t.equal(wantedConditions(site.fleet.state).length, 1)
  site.fleet.outrank('a1', { epoch: 9, instance: 'e'.repeat(32), revision: 99 })
  t.strictSame(wantedConditions(site.fleet.state), [])
})

t.test('every state of a host can be explained and shown', async (t) => {
  for (const is of runStates) {
    const site = withRun(new Site({ hosts: ['a1'] }).plan(), {})
    const now =
      is === 'blocked'
        ? { is, by: 'job' as const }
        : is === 'deferred'
          ? { is, until: 'leave' as const }
          : is === 'reverting'
            ? { is, step: 'asking' as const }
            : { is }
    withRun(site, { now })
    const { state, nowMs } = site.fleet
    t.equal(rolloutStatus(state, 'r1', nowMs, null).hosts[0]?.is, is)
    t.equal(explain(state, 'a1', nowMs).is, is)
  }
  const scene = { rollout: new Site().plan().rollout, job: null, streak: null, atMs: 0 }
  const site = new Site().plan()
  t.equal(unwellBy({ ...scene, state: site.fleet.state, run: site.run('a1') }), '')
  t.throws(() => new Draft(site.fleet.state, { atMs: 0, wallMs: 0 }).rollout('r9'), 'a bug is told')
})

// What the compiler rules out is handed back as it came, or is a bug that is told.

const strange = { is: 'other' }
const at = { atMs: 100_000, wallMs: 0 }

t.test('an order of no known verb', async (t) => {
  const site = new Site({ hosts: ['a1'] }).plan()
  const order = Object.assign({ verb: 'pause' as const, ...said }, { verb: 'other' })
  const { state, answer } = step(site.fleet.state, { type: 'rollout-ordered', rollout: 'r1', order, ...at }).next
  t.equal(state, site.fleet.state)
  t.strictSame(answer, { rollout: 'r1' })
})

t.test('an event of no known type', async (t) => {
  const event = Object.assign({ type: 'advance' as const, ...at }, { type: 'other' })
  t.equal(rolloutStep(new Site().fleet.state, event), event)
})

t.test('a run of no known state', async (t) => {
  const site = new Site({ hosts: ['a1'] }).plan()
  const run = { ...site.run('a1'), now: Object.assign({ is: 'done' as const }, strange) }
  t.strictSame(phaseOf(run), strange)
  t.strictSame(wantOf(run), strange)
  const { state, atMs } = { state: site.fleet.state, atMs: 0 }
  const scene: Scene = { state, rollout: site.rollout, run, job: null, streak: null, atMs }
  t.strictSame(nextOf(scene, 0), strange)
  t.throws(() => explain(withRun(site, run).fleet.state, 'a1', 0))
  const now = Object.assign({ is: 'reverting' as const, step: 'asking' as const }, { step: 'other' })
  t.equal(fromReverting({ ...scene, run: { ...run, now } }, 0), 'other')
  t.equal(fromReverting(scene, 0), null)
})

t.test('a rollout of no known state', async (t) => {
  const { rollout, fleet } = new Site({ hosts: ['a1'] }).plan()
  const odd = { ...rollout, now: Object.assign({ is: 'running' as const }, strange) }
  t.strictSame(isEnded(odd), strange)
  t.strictSame(nextCommands(odd, []), strange)
  const { state } = fleet
  const draft = new Draft({ ...state, rollouts: { ...state.rollouts, all: new Map([['r1', odd]]) } }, at)
  t.strictSame(turn(draft, 'r1'), strange)
})
