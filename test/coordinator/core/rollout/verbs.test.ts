import t from 'tap'
import type { RolloutOrder } from '../../../../protocol/rollout/api.ts'
import type { RolloutPolicy } from '../../../../protocol/rollout/policy.ts'
import { type Manner, newSystem, policyOf, Site, well } from './site.ts'

const min = 60_000
const said = { operator: 'ada', message: '' }
const because = { operator: 'ada', message: 'the pager' }

const fails: Manner = ({ want }) => (want === 'active' ? { is: 'failed', reason: 'exit 1' } : {})
const slow =
  (...wants: readonly string[]): Manner =>
  ({ want }) =>
    wants.includes(want) ? null : {}
const two = policyOf({ stages: [{ name: 'all', select: '*', maxParallel: 1, soak: 0 }] })

/** One host on its way, one that has not begun. */
function midway(policy: RolloutPolicy = two, manner: Manner = slow('active')): Site {
  const site = new Site({ hosts: ['a1', 'b1'], policy })
  site.manners.set('a1', manner)
  return site.plan().start()
}

const arrive = (site: Site) => site.set('a1', { is: 'active', current: newSystem, health: well })

function refused(site: Site, order: RolloutOrder): string {
  const refusal = site.fleet.refusal({ type: 'rollout-ordered', rollout: site.id, order })
  return refusal === null ? '' : `${refusal.code}: ${refusal.message}`
}

t.test('a verb that does not fit says so and changes nothing', async (t) => {
  const planned = () => new Site().plan()
  const ended = () => new Site().plan().start()
  const discarded = () => planned().order({ verb: 'discard', ...said })
  const irreversible = () => {
    const site = new Site({
      hosts: ['a1'],
      policy: policyOf({ hooks: [{ name: 'h', before: 'stage:all', run: ['x'], reversible: false }] }),
    })
    site.plan().start().send({ type: 'hook-ended', rollout: 'r1', hook: 'h', ok: true, reason: '' })
    return site.settle()
  }
  const rows: readonly (readonly [what: string, make: () => Site, order: RolloutOrder, text: string | RegExp])[] = [
    ['discard', ended, { verb: 'discard', ...said }, 'r1 is succeeded: there is nothing to discard'],
    ['promote', planned, { verb: 'promote', full: true, ...said }, 'nothing to promote'],
    ['promote on its way', midway, { verb: 'promote', full: false, ...said }, 'nothing to promote'],
    ['pause', planned, { verb: 'pause', ...said }, 'nothing to pause'],
    ['resume', planned, { verb: 'resume', ...said }, 'nothing to resume'],
    ['abort', planned, { verb: 'abort', now: false, ...said }, 'discard it'],
    ['abort an end', ended, { verb: 'abort', now: false, ...said }, 'nothing to abort'],
    [
      'rollback of nothing',
      planned,
      { verb: 'rollback', selector: '*', pastIrreversible: false, ...said },
      'changed nothing',
    ],
    [
      'rollback of nobody',
      ended,
      { verb: 'rollback', selector: '@z', pastIrreversible: false, ...said },
      /^nothing-selected/,
    ],
    [
      'rollback past it',
      irreversible,
      { verb: 'rollback', selector: '*', pastIrreversible: false, ...said },
      '--past-irreversible',
    ],
    ['retry an end', ended, { verb: 'retry', ...said }, 'make another plan'],
    ['retry a discarded one', discarded, { verb: 'retry', ...said }, 'make another plan'],
    ['retry nobody', planned, { verb: 'retry', host: 'z', ...said }, /^unknown-host: z is not in r1/],
    ['retry who is well', planned, { verb: 'retry', host: 'a1', ...said }, 'a1 is ready: there is nothing'],
    ['skip who has begun', midway, { verb: 'skip', host: 'a1', ...said }, 'only a host that has not begun'],
    ['skip of an end', ended, { verb: 'skip', host: 'a1', ...said }, 'only a host that has not begun'],
    ['release who is well', midway, { verb: 'release', host: 'a1', ...said }, 'a host in trouble'],
  ]
  for (const [what, make, order, text] of rows) {
    const site = make()
    const before = site.fleet.state
    t.match(refused(site, order), text, what)
    t.equal(site.fleet.state, before, what)
  }
  const site = planned()
  t.match(
    site.fleet.refusal({ type: 'rollout-ordered', rollout: 'r9', order: { verb: 'pause', ...said } })?.code,
    'unknown-rollout',
  )
})

t.test('said twice it changes nothing more', async (t) => {
  const rows: readonly (readonly [make: () => Site, order: RolloutOrder])[] = [
    [() => new Site().plan(), { verb: 'discard', ...said }],
    [midway, { verb: 'pause', ...said }],
    [() => midway().order({ verb: 'pause', ...said }), { verb: 'resume', ...said }],
    [midway, { verb: 'promote', full: true, ...said }],
    [midway, { verb: 'abort', now: false, ...said }],
    [midway, { verb: 'abort', now: true, ...said }],
    [
      () => midway(two, slow('active', 'reverted')),
      { verb: 'rollback', selector: '*', pastIrreversible: false, ...said },
    ],
    [midway, { verb: 'skip', host: 'b1', ...said }],
  ]
  for (const [make, order] of rows) {
    const site = make().order(order)
    const before = site.rollout
    site.fleet.refusal({ type: 'rollout-ordered', rollout: 'r1', order })
    t.strictSame(site.settle().rollout, before, order.verb)
  }
})

t.test('a pause begins no host; whoever is on its way arrives', async (t) => {
  const site = midway().order({ verb: 'pause', ...because })
  t.equal(site.rollout.reason, 'ada: the pager')
  t.notOk(site.status.settled)
  arrive(site)
  t.equal(site.runs, 'a1 soaking, b1 ready')
  t.ok(site.status.settled)
  t.equal(site.status.exit, 6)
  t.strictSame(site.outcomes, [], 'whoever paused it knows')
  t.equal(site.order({ verb: 'resume', ...said }).is, 'succeeded')
})

t.test('an abort lets everybody arrive, or brings them back at once', async (t) => {
  const site = midway().order({ verb: 'abort', now: false, ...because })
  t.equal(site.runs, 'a1 activating, b1 skipped')
  t.equal(site.is, 'aborting')
  arrive(site)
  t.equal(site.runs, 'a1 done, b1 skipped')
  t.equal(site.is, 'aborted')
  t.equal(site.status.exit, 3)
  t.strictSame(site.outcomes, ['aborted'])
  const now = midway().order({ verb: 'abort', now: true, ...said })
  t.equal(now.runs, 'a1 reverted, b1 skipped')
  t.equal(now.is, 'aborted')
  t.equal(now.status.exit, 4)
  const later = midway()
    .order({ verb: 'abort', now: false, ...said })
    .order({ verb: 'abort', now: true, ...said })
  t.equal(later.runs, 'a1 reverted, b1 skipped', 'also when it is aborting already')
  const draining = midway(two, slow('baselined')).order({ verb: 'abort', now: true, ...said })
  t.equal(draining.runs, 'a1 reverted, b1 skipped')
  const early = new Site({ hosts: ['a1'], policy: policyOf({ gates: { before: [{ exec: ['x'] }] } }) }).plan().start()
  t.equal(early.order({ verb: 'abort', now: false, ...said }).status.exit, 7, 'nobody was touched')
  const failed = midway(policyOf({ onFailure: 'pause' }), fails)
  t.equal(failed.run('a1').now.is, 'failed')
  t.equal(
    failed.order({ verb: 'abort', now: false, ...said }).run('a1').now.is,
    'reverted',
    'nobody is left half changed',
  )
  const twice = midway().order({ verb: 'abort', now: true, ...said })
  t.match(refused(twice, { verb: 'abort', now: true, ...said }), 'nothing to abort')
})

t.test('an abort waits for whoever is silent', async (t) => {
  const site = midway()
    .down('a1')
    .pass(26 * min)
  t.equal(site.runs, 'a1 lost, b1 ready')
  site.order({ verb: 'abort', now: false, ...said })
  t.equal(site.is, 'aborting')
  t.match(site.status.next[0], 'release r1 a1')
  t.match(refused(site, { verb: 'retry', host: 'a1', ...said }), 'r1 is aborting')
  site.order({ verb: 'release', host: 'a1', ...said })
  t.equal(site.is, 'aborted')
  t.equal(site.status.exit, 3)
})

t.test('whoever failed gets another attempt', async (t) => {
  const rows: readonly (readonly [what: string, policy: RolloutPolicy, manner: Manner, before: string])[] = [
    ['it went back', two, fails, 'reverted'],
    ['it stands there', policyOf({ ...two, onFailure: 'pause' }), fails, 'failed'],
    [
      'it could not go back',
      two,
      (order, job) => (order.want === 'reverted' ? { is: 'revert-failed' } : fails(order, job)),
      'revert-failed',
    ],
  ]
  for (const host of ['a1', undefined]) {
    for (const [what, policy, manner, before] of rows) {
      const site = midway(policy, manner)
      t.equal(site.run('a1').now.is, before, what)
      const { job } = site.run('a1')
      site.manners.delete('a1')
      site.order({ verb: 'retry', ...(host === undefined ? {} : { host }), ...said })
      t.equal(site.run('a1').now.is, 'ready', what)
      t.not(site.run('a1').job, job, `${what}: another attempt is another job`)
      t.equal(site.order({ verb: 'resume', ...said }).runs, 'a1 done, b1 done', what)
      t.equal(site.is, 'succeeded', what)
      t.strictSame(site.machine('a1').holds, [], what)
    }
  }
  const site = midway(two, fails)
  site.order({ verb: 'retry', host: 'a1', ...said }).order({ verb: 'resume', ...said })
  t.equal(site.is, 'paused', 'it failed again')
  t.equal(site.run('a1').attempt, 2)
  const lost = midway()
    .down('a1')
    .pass(26 * min)
  t.match(refused(lost, { verb: 'retry', host: 'a1', ...said }), 'a1 is silent')
})

t.test('told once more to go back, what it said before does not count', async (t) => {
  const manner: Manner = (order, job) =>
    order.want === 'reverted' ? { is: 'revert-failed', reason: 'no' } : fails(order, job)
  const site = midway(two, manner)
  site.manners.set('a1', slow('reverted'))
  site.order({ verb: 'retry', host: 'a1', ...said })
  t.strictSame(site.run('a1').now, { is: 'reverting', step: 'asking' })
  const asked = site.machine('a1').wants.length
  site.pass(2_000)
  t.ok(site.machine('a1').wants.length > asked, 'it is asked again')
  site.set('a1', { is: 'reverting' })
  t.strictSame(site.run('a1').now, { is: 'reverting', step: 'switching' })
  site.set('a1', { is: 'revert-failed', reason: 'no' })
  t.equal(site.run('a1').now.is, 'revert-failed')
  site.order({ verb: 'retry', host: 'a1', ...said }).pass(11 * min)
  t.equal(site.run('a1').now.is, 'revert-failed')
  t.equal(site.run('a1').reason, 'no')
  site.machine('a1').jobs.clear()
  site.report('a1')
  site
    .settle()
    .order({ verb: 'retry', host: 'a1', ...said })
    .pass(11 * min)
  t.equal(site.run('a1').reason, 'it did not go back in time')
})

t.test('a host is left out', async (t) => {
  const site = midway().order({ verb: 'skip', host: 'b1', ...because })
  arrive(site)
  t.equal(site.runs, 'a1 done, b1 skipped')
  t.equal(site.run('b1').reason, 'ada: the pager')
  t.equal(site.status.exit, 10)
  const blocked = new Site()
    .down('b1')
    .plan()
    .pass(20_000)
    .order({ verb: 'skip', host: 'b1', ...said })
    .start()
  t.equal(blocked.runs, 'a1 done, b1 skipped')
  const deferred = midway(policyOf({ ...two, reboot: { allow: 'never' } }), ({ want }) =>
    want === 'prefetched' ? { action: 'reboot' } : {},
  )
  t.equal(deferred.runs, 'a1 deferred, b1 done')
})

t.test('nothing is obeyed that cannot be kept', async (t) => {
  const site = midway()
  site.fleet.isFull = true
  t.match(refused(site, { verb: 'pause', ...said }), 'not-persisted')
  t.equal(site.is, 'running')
  const { state } = site.fleet
  site.send({ type: 'hook-ended', rollout: 'r1', hook: 'h', ok: true, reason: '' })
  t.equal(site.fleet.state, state)
})
