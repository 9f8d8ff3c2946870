import t from 'tap'
import type { RolloutPolicy } from '../../../../protocol/rollout/policy.ts'
import { type Manner, newSystem, oldSystem, policyOf, Site, well } from './site.ts'

const said = { operator: 'ada', message: '' }
const back = { verb: 'rollback' as const, selector: '*', pastIrreversible: false, ...said }
const fails: Manner = ({ want }) => (want === 'active' ? { is: 'failed', reason: 'exit 1' } : {})
const stages = [
  { name: 'a', select: '@a', maxParallel: 2, soak: 0 },
  { name: 'b', select: '@b', maxParallel: 2, soak: 0 },
  { name: 'c', select: '@c', maxParallel: 1, soak: 0 },
]
const hosts = ['a1', 'b1', 'b2', 'c1']

/** b2 fails. */
function failing(more: Parameters<typeof policyOf>[0], manner: Manner = fails): Site {
  const site = new Site({ hosts, policy: policyOf({ stages, ...more }) })
  site.manners.set('b2', manner)
  return site.plan().start()
}

t.test('what a failure does', async (t) => {
  const rows: readonly (readonly [
    what: string,
    more: Parameters<typeof policyOf>[0],
    runs: string,
    is: string,
    exit: number,
  ])[] = [
    ['its host goes back', {}, 'a1 done, b1 soaking, b2 reverted, c1 ready', 'paused', 4],
    ['it stands', { onFailure: 'pause' }, 'a1 done, b1 soaking, b2 failed, c1 ready', 'paused', 3],
    [
      'its wave goes back',
      { onFailure: 'rollback-wave' },
      'a1 done, b1 reverted, b2 reverted, c1 skipped',
      'rolled-back',
      4,
    ],
    [
      'all go back',
      { onFailure: 'rollback-all' },
      'a1 reverted, b1 reverted, b2 reverted, c1 skipped',
      'rolled-back',
      4,
    ],
    ['one is borne', { maxFailures: 1 }, 'a1 done, b1 done, b2 reverted, c1 done', 'failed', 4],
    [
      'one is borne where it stands',
      { maxFailures: 1, onFailure: 'pause' },
      'a1 done, b1 done, b2 failed, c1 done',
      'failed',
      3,
    ],
  ]
  for (const [what, more, runs, is, exit] of rows) {
    const site = failing(more)
    t.equal(site.runs, runs, what)
    t.equal(site.is, is, what)
    t.equal(site.status.exit, exit, what)
    t.strictSame(site.outcomes, [is], `${what}: told once`)
  }
})

t.test('past a point of no return nothing goes back by itself', async (t) => {
  const hooks = [{ name: 'contract', before: 'stage:b', run: ['x'], reversible: false }]
  for (const onFailure of ['rollback-host-and-pause', 'rollback-wave', 'rollback-all'] as const) {
    const site = failing({ onFailure, hooks })
    t.equal(site.runs, 'a1 done, b1 ready, b2 ready, c1 ready')
    site.send({ type: 'hook-ended', rollout: 'r1', hook: 'contract', ok: true, reason: '' })
    site.settle()
    t.equal(site.runs, 'a1 done, b1 soaking, b2 failed, c1 ready', onFailure)
    t.equal(site.is, 'paused', onFailure)
    site.order({ ...back, selector: 'b2', pastIrreversible: true })
    t.equal(site.runs, 'a1 done, b1 done, b2 reverted, c1 skipped', onFailure)
  }
  const aborted = failing({ hooks })
  aborted.send({ type: 'hook-ended', rollout: 'r1', hook: 'contract', ok: true, reason: '' })
  t.equal(
    aborted
      .settle()
      .order({ verb: 'abort', now: false, ...said })
      .run('b2').now.is,
    'failed',
  )
})

t.test('a host that goes back by itself is helped home under any policy', async (t) => {
  const site = failing({ onFailure: 'pause' })
  site.set('b2', { is: 'reverting' })
  t.equal(site.run('b2').now.is, 'reverting')
  site.set('b2', { is: 'reverted', current: oldSystem, profile: oldSystem, health: well })
  t.equal(site.run('b2').now.is, 'reverted')
  t.strictSame(site.machine('b2').holds, [])
  t.equal(site.status.exit, 4)
})

t.test('whoever resumes has seen the failures so far', async (t) => {
  const site = failing({ stages: [{ name: 'all', select: '*', maxParallel: 1, soak: 0 }] })
  site.manners.set('c1', fails)
  t.equal(site.runs, 'a1 soaking, b1 soaking, b2 reverted, c1 ready')
  site.order({ verb: 'resume', ...said })
  t.equal(site.runs, 'a1 soaking, b1 soaking, b2 reverted, c1 reverted')
  t.equal(site.is, 'paused', 'one more is one too many')
  t.equal(site.order({ verb: 'resume', ...said }).is, 'failed')
})

t.test('a failure that was seen and then undone bears no other', async (t) => {
  const site = failing({ onFailure: 'pause' }, ({ want }) =>
    want === 'active' ? { is: 'failed', reason: 'exit 1' } : want === 'reverted' ? null : {},
  )
  site.order({ verb: 'retry', host: 'b2', ...said }).order({ verb: 'resume', ...said })
  t.equal(site.run('b2').now.is, 'reverting')
  site.set('b2', { is: 'reverted', current: oldSystem, profile: oldSystem, health: well })
  t.equal(site.run('b2').attempt, 2)
  t.equal(site.runs, 'a1 done, b1 soaking, b2 failed, c1 ready')
  t.equal(site.is, 'paused', 'its second failure is a new one')
})

t.test('a rollback goes the stages in reverse, under budgets and drains', async (t) => {
  const site = new Site({ hosts, policy: policyOf({ stages }), budgets: { any: { select: '*', maxUnavailable: 1 } } })
  for (const host of hosts) site.manners.set(host, ({ want }) => (want === 'reverted' ? null : {}))
  site.plan().start()
  t.equal(site.is, 'succeeded')
  site.order({ ...back, message: 'it leaks' })
  const home = (host: string) =>
    site.set(host, { is: 'reverted', current: oldSystem, profile: oldSystem, health: well })
  t.equal(site.runs, 'a1 done, b1 done, b2 done, c1 reverting')
  t.equal(site.machine('c1').holds.length, 1, 'it is drained')
  t.equal(home('c1').runs, 'a1 done, b1 reverting, b2 done, c1 reverted')
  t.equal(home('b1').runs, 'a1 done, b1 reverted, b2 reverting, c1 reverted')
  site.order({ verb: 'pause', ...said })
  t.equal(home('b2').runs, 'a1 done, b1 reverted, b2 reverted, c1 reverted')
  site.order({ verb: 'resume', ...said })
  t.equal(home('a1').is, 'rolled-back')
  t.equal(site.rollout.reason, 'ada')
  t.strictSame(site.events.filter(({ type }) => type === 'slot.taken').length, 8)
})

t.test('a rollback of some, of a wide stage, and of nobody who is there', async (t) => {
  const site = new Site({ hosts, policy: policyOf({ stages }) }).plan().start()
  site.manners.set('b1', ({ want }) => (want === 'reverted' ? null : {}))
  site.down('b2').order({ ...back, selector: '@b' })
  t.equal(site.runs, 'a1 done, b1 reverting, b2 done, c1 done', 'whoever is not there goes back when it is')
  site.back('b2')
  t.equal(site.runs, 'a1 done, b1 reverting, b2 reverted, c1 done')
  const narrow = new Site({ hosts, policy: policyOf({ stages }) }).plan().start({ maxParallel: 1 })
  narrow.manners.set('b1', ({ want }) => (want === 'reverted' ? null : {}))
  t.equal(narrow.order(back).runs, 'a1 done, b1 reverting, b2 done, c1 reverted')
  narrow.order({ verb: 'abort', now: false, ...said })
  narrow.set('b1', { is: 'reverted', current: oldSystem, profile: oldSystem, health: well })
  t.equal(narrow.runs, 'a1 done, b1 reverted, b2 done, c1 reverted')
  t.equal(narrow.is, 'aborted')
})

t.test('one that cannot go back stops the others', async (t) => {
  const site = new Site({ hosts, policy: policyOf({ stages }) }).plan().start()
  site.manners.set('c1', ({ want }) => (want === 'reverted' ? { is: 'revert-failed', reason: 'gone' } : {}))
  site.order(back)
  t.equal(site.runs, 'a1 done, b1 done, b2 done, c1 revert-failed')
  t.equal(site.is, 'rollback-failed')
  t.equal(site.status.exit, 5)
  site.manners.delete('c1')
  site.order(back)
  t.equal(site.is, 'rolled-back')
  t.equal(site.runs, 'a1 reverted, b1 reverted, b2 reverted, c1 reverted')
})

t.test('what ran before an earlier rollout is not what ran before the last', async (t) => {
  const site = new Site({ hosts: ['a1', 'b1'] }).plan().start().plan().start()
  site.id = 'r1'
  const refused = (order: typeof back) => site.fleet.refusal({ type: 'rollout-ordered', rollout: 'r1', order })
  t.match(refused(back)?.message, 'rebuilt by r2 since')
  site.id = 'r2'
  site.order(back)
  t.equal(site.is, 'rolled-back')
  site.plan({ selector: 'a1' })
  site.manners.set('a1', ({ want }) => (want === 'active' ? null : {}))
  site.start()
  t.match(site.fleet.refusal({ type: 'rollout-ordered', rollout: 'r1', order: back })?.message, 'a1 is in r3')
})

t.test('one in flight goes back with a rollback, and one that is lost when it speaks', async (t) => {
  const site = new Site({ hosts: ['a1', 'b1'], policy: policyOf() })
  site.manners.set('a1', ({ want }) => (want === 'active' ? null : {}))
  site.manners.set('b1', ({ want }) => (want === 'committed' ? null : {}))
  site
    .plan()
    .start()
    .down('b1')
    .pass(26 * 60_000)
  t.equal(site.run('b1').now.is, 'lost')
  site.order(back)
  t.equal(site.is, 'rolling-back')
  site.machine('b1').jobs.set(site.run('b1').job, { ...site.job('b1'), is: 'committed', profile: newSystem })
  site.back('b1')
  t.equal(site.run('b1').now.is, 'reverted', 'though it had committed')
  t.equal(site.is, 'rolled-back')
})

t.test('a rollout of a policy with few leaves is what it was planned with', async (t) => {
  const policy: RolloutPolicy = policyOf({ maxFailures: 5 })
  const site = new Site({ policy }).plan()
  const { plan } = site.fleet.state
  const rebuilds = { ...plan.rebuilds, policies: new Map([['p', policyOf()]]) }
  site.send({ type: 'configured', plan: { ...plan, rebuilds } })
  t.equal(site.settle().rollout.policy.maxFailures, 5)
})
