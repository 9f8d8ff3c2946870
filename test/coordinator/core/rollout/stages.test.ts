import t from 'tap'
import { beginRollouts } from '../../../../coordinator/core/rollout/begin.ts'
import { wantedConditions } from '../../../../coordinator/core/rollout/conditions.ts'
import { policyOf, Site, well } from './site.ts'

const min = 60_000
const said = { operator: 'ada', message: '' }
const keys = (site: Site) => wantedConditions(site.fleet.state).map(({ key }) => key)

t.test('a stage goes in waves, and each is over before the next', async (t) => {
  const stages = [{ name: 'all', select: '*', maxParallel: 2, soak: 0 }]
  const site = new Site({ hosts: ['a1', 'a2', 'a3', 'b1', 'b2'], policy: policyOf({ stages }) })
  for (const host of ['a2', 'b1']) site.manners.set(host, ({ want }) => (want === 'committed' ? null : {}))
  site.plan().start()
  t.equal(site.runs, 'a1 soaking, a2 committing, a3 ready, b1 ready, b2 ready')
  site.set('a2', { is: 'committed', profile: site.job('a2').system })
  t.equal(site.runs, 'a1 soaking, a2 soaking, a3 soaking, b1 committing, b2 ready')
  t.strictSame(
    site.events.filter(({ type }) => type === 'stage.started').map(({ reason }) => reason),
    ['all: a1, a2', 'all: a3, b1'],
  )
  site.set('b1', { is: 'committed', profile: site.job('b1').system })
  t.equal(site.is, 'succeeded')
})

t.test('a stage soaks, and the next begins after it', async (t) => {
  const stages = [
    { name: 'a', select: '@a', soak: '10m' },
    { name: 'b', select: '*', soak: 0 },
  ]
  const site = new Site({ policy: policyOf({ stages }) }).plan().start()
  t.equal(site.runs, 'a1 soaking, b1 ready')
  t.strictSame(
    site.status.stages.map(({ is }) => is),
    ['soaking', 'pending'],
  )
  t.equal(site.pass(10 * min - 1).runs, 'a1 soaking, b1 ready')
  t.equal(site.status.stages[0]?.leftMs, 1)
  site.down('a1')
  t.equal(site.pass(1).runs, 'a1 soaking, b1 ready', 'nobody knows whether it is well')
  t.equal(site.back('a1').runs, 'a1 done, b1 done')
})

t.test('somebody says go on', async (t) => {
  const stages = [
    { name: 'a', select: '@a', soak: '10m', promote: 'manual' as const },
    { name: 'b', select: '@b', soak: '10m', promote: 'manual' as const },
    { name: 'c', select: '*', soak: '10m', promote: 'manual' as const },
  ]
  const begun = () => new Site({ hosts: ['a1', 'b1', 'c1'], policy: policyOf({ stages }) }).plan().start()
  const site = begun().pass(10 * min)
  t.equal(site.runs, 'a1 done, b1 ready, c1 ready')
  t.strictSame(site.rollout.stage.now, { is: 'waiting', on: 'approval' })
  t.ok(site.status.settled)
  t.equal(site.status.exit, 6)
  t.strictSame(site.outcomes, [], 'it has not ended')
  site.pass(1_000 * min)
  t.equal(site.runs, 'a1 done, b1 ready, c1 ready')
  site.order({ verb: 'promote', full: false, ...said })
  t.equal(site.runs, 'a1 done, b1 soaking, c1 ready')
  site.order({ verb: 'promote', full: false, ...said })
  t.equal(site.runs, 'a1 done, b1 done, c1 soaking', 'the same word ends a soak and approves')
  t.equal(site.pass(10 * min).is, 'succeeded', 'nobody is left to go on to')
  const full = begun().order({ verb: 'promote', full: true, ...said })
  t.equal(full.runs, 'a1 done, b1 done, c1 done')
  const sick = begun().set('a1', { health: { ...well, failed: ['x.service'] } })
  sick.order({ verb: 'promote', full: true, ...said })
  t.equal(sick.runs, 'a1 soaking, b1 ready, c1 ready', 'health counts all the same')
  t.equal(sick.set('a1', { health: well }).runs, 'a1 done, b1 done, c1 done')
  const late = begun().pass(10 * min)
  late.order({ verb: 'skip', host: 'b1', ...said }).order({ verb: 'skip', host: 'c1', ...said })
  late.order({ verb: 'promote', full: false, ...said })
  t.equal(late.is, 'succeeded')
})

t.test('a host that becomes ready later goes with the present stage', async (t) => {
  const stages = [
    { name: 'a', select: '@a', soak: '10m' },
    { name: 'b', select: '*', soak: '10m', promote: 'manual' as const },
    { name: 'c', select: '@c', soak: 0 },
  ]
  const site = new Site({ hosts: ['a1', 'a2', 'b1', 'c1'], policy: policyOf({ stages: [...stages] }) })
  const other = policyOf({
    stages: [
      { name: 'a', select: '@a', soak: '10m', promote: 'manual' },
      { name: 'b', select: '*', soak: 0 },
    ],
  })
  const rows: readonly (readonly [what: string, at: (site: Site) => Site])[] = [
    ['while it soaks', (one) => one],
    ['while it waits for a word', (one) => one.pass(10 * min)],
  ]
  for (const [what, at] of rows) {
    const one = new Site({ hosts: ['a1', 'a2', 'b1'], policy: other }).plan()
    one.order({ verb: 'skip', host: 'a2', ...said }).start()
    t.equal(one.runs, 'a1 soaking, a2 skipped, b1 ready', what)
    at(one).order({ verb: 'retry', host: 'a2', ...said })
    t.equal(one.run('a2').now.is, 'soaking', what)
  }
  site
    .plan()
    .order({ verb: 'skip', host: 'a1', ...said })
    .start()
  t.equal(site.runs, 'a1 skipped, a2 soaking, b1 ready, c1 ready')
  const slow = new Site({ hosts: ['a1', 'b1'], policy: other })
    .plan()
    .order({ verb: 'skip', host: 'a1', ...said })
    .start()
  t.equal(slow.runs, 'a1 skipped, b1 done', 'a stage of which nobody is left is over')
  const waits = new Site({ hosts: ['a1', 'b1'], policy: other })
  waits.plan().order({ verb: 'skip', host: 'a1', ...said })
  waits.manners.set('a1', () => null)
  waits.order({ verb: 'retry', host: 'a1', ...said })
  t.equal(waits.is, 'planning')
})

t.test('gates are looked at before each wave, and only then', async (t) => {
  const gates = {
    before: [{ promql: 'alerts == 0' }, { http: 'http://127.0.0.1/ok' }],
    between: [{ exec: ['caught-up'] }],
  }
  const stages = [{ name: 'all', select: '*', maxParallel: 1, soak: 0 }]
  const site = new Site({ hosts: ['a1', 'a2'], policy: policyOf({ stages, gates }) })
  for (const host of ['a1', 'a2']) site.manners.set(host, ({ want }) => (want === 'active' ? null : {}))
  site.plan()
  t.strictSame(keys(site), [])
  site.start()
  const [promql = '', http = ''] = keys(site)
  t.strictSame(keys(site), ['check {"promql":"alerts == 0"}', 'check {"http":"http://127.0.0.1/ok"}'])
  t.equal(site.rollout.stage.reason, 'alerts == 0: being looked at')
  site.tell(promql, false, 'value 3').tell(http, true)
  t.equal(site.rollout.stage.reason, 'alerts == 0: value 3')
  site.tell(promql, true).pass(15_001)
  t.equal(site.runs, 'a1 activating, a2 ready')
  t.strictSame(keys(site), [], 'what is on its way is not stopped')
  site.tell(promql, false)
  t.equal(site.fleet.state.rollouts.conditions.size, 0, 'nobody wants to know')
  const { system } = site.job('a1')
  site.set('a1', { is: 'active', current: system })
  site.set('a1', {
    is: 'active',
    current: system,
    health: { settled: true, failed: [], looping: [], missing: [], probes: [] },
  })
  t.equal(site.runs, 'a1 soaking, a2 ready')
  t.strictSame(keys(site), ['check {"exec":["caught-up"]}'])
  site.tell('check {"exec":["caught-up"]}', true)
  t.equal(site.runs, 'a1 soaking, a2 activating')
  t.ok(site.events.some(({ type }) => type === 'gate.open'))
  t.ok(site.events.some(({ type }) => type === 'gate.closed'))
})

t.test('what was found long ago is closed', async (t) => {
  const site = new Site({ hosts: ['a1'], policy: policyOf({ gates: { before: [{ exec: ['x'] }, { exec: ['y'] }] } }) })
    .plan()
    .start()
  site.tell('check {"exec":["x"]}', true).pass(15_001).tell('check {"exec":["y"]}', true)
  t.equal(site.runs, 'a1 ready')
  t.equal(site.tell('check {"exec":["x"]}', true).runs, 'a1 done')
})

t.test('a stage with a window', async (t) => {
  const window = 'Sun 02:00/3h'
  const stages = [{ name: 'all', select: '*', soak: 0, window, maxParallel: 2 }]
  const site = new Site({
    hosts: ['a1', 'b1'],
    policy: policyOf({ stages }),
    budgets: { any: { select: '*', maxUnavailable: 1 } },
  })
  site.manners.set('a1', ({ want }) => (want === 'active' ? null : {}))
  site.plan().start()
  t.strictSame(keys(site), [`window ${window}`])
  site.tell(`window ${window}`, false)
  t.equal(site.rollout.stage.reason, `${window} is not now`)
  site.tell(`window ${window}`, true)
  t.equal(site.runs, 'a1 activating, b1 waiting')
  site.tell(`window ${window}`, false)
  const { system } = site.job('a1')
  site.set('a1', {
    is: 'active',
    current: system,
    health: { settled: true, failed: [], looping: [], missing: [], probes: [] },
  })
  t.equal(site.runs, 'a1 soaking, b1 waiting', 'whoever has no slot waits')
  t.equal(site.run('b1').reason, `${window} is not now`)
  t.equal(site.tell(`window ${window}`, true).runs, 'a1 done, b1 done')
})

const hooks = [
  { name: 'expand', before: 'stage:all', run: ['migrate', 'up'], reversible: false },
  { name: 'warm', before: 'stage:all', run: ['warm'] },
]

t.test('a hook runs once, before its stage', async (t) => {
  const site = new Site({ hosts: ['a1'], policy: policyOf({ hooks }) }).plan()
  t.notOk(site.rollout.irreversible)
  site.start()
  t.strictSame(site.hooks, ['expand'])
  t.ok(site.rollout.irreversible, 'it may have done half of it')
  t.strictSame(site.status.stages[0]?.hooks, [
    { name: 'expand', reversible: false, is: 'running' },
    { name: 'warm', reversible: true, is: 'pending' },
  ])
  t.equal(site.rollout.stage.reason, 'hook expand runs')
  site.pass(1_000)
  t.strictSame(site.hooks, ['expand'])
  site.send({ type: 'hook-ended', rollout: 'r1', hook: 'expand', ok: true, reason: '' })
  t.strictSame(site.settle().hooks, ['expand', 'warm'])
  t.equal(site.runs, 'a1 ready')
  site.send({ type: 'hook-ended', rollout: 'r1', hook: 'warm', ok: true, reason: 'done' })
  t.equal(site.settle().runs, 'a1 done')
  site.send({ type: 'hook-ended', rollout: 'r1', hook: 'warm', ok: false, reason: 'again' })
  site.send({ type: 'hook-ended', rollout: 'r9', hook: 'warm', ok: false, reason: 'again' })
  t.equal(site.settle().rollout.hooks[1]?.now, 'done')
})

t.test('a hook that fails is for a person', async (t) => {
  const site = new Site({
    hosts: ['a1'],
    policy: policyOf({ hooks: [hooks[0], hooks[1]].flatMap((hook) => hook ?? []) }),
  })
    .plan()
    .start()
  site.send({ type: 'hook-ended', rollout: 'r1', hook: 'expand', ok: false, reason: 'exit 1' })
  site.settle()
  t.equal(site.is, 'paused')
  t.equal(site.rollout.reason, 'hook expand: exit 1')
  t.equal(site.status.exit, 3)
  t.strictSame(site.outcomes, ['paused'])
  t.match(site.status.next.join(), '--hook NAME')
  site.order({ verb: 'resume', ...said })
  t.equal(site.is, 'paused', 'it failed still')
  site.order({ verb: 'retry', hook: 'expand', ...said }).order({ verb: 'resume', ...said })
  t.strictSame(site.hooks, ['expand', 'expand'])
  const refused = site.fleet.refusal({
    type: 'rollout-ordered',
    rollout: 'r1',
    order: { verb: 'retry', hook: 'warm', ...said },
  })
  t.match(refused?.message, 'no failed hook warm')
})

t.test('a hook that ran when the coordinator ended is looked at by a person', async (t) => {
  const site = new Site({ hosts: ['a1'], policy: policyOf({ hooks }) }).plan().start()
  const { rollouts } = site.fleet.state
  const runs = [...rollouts.runs.values()].flatMap((each) => [...each.values()])
  const stored = {
    rollouts: [...rollouts.all.values()],
    runs,
    locks: [],
    nextRollout: 2,
    nextEvent: rollouts.nextEvent,
  }
  site.fleet.state = { ...site.fleet.state, rollouts: beginRollouts(stored) }
  site.settle()
  t.equal(site.is, 'paused')
  t.match(site.rollout.reason, 'interrupted')
  t.strictSame(site.hooks, ['expand'])
  site.order({ verb: 'retry', ...said }).order({ verb: 'resume', ...said })
  t.strictSame(site.hooks, ['expand', 'expand'])
})
