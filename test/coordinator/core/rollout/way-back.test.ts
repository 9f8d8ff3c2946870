import t from 'tap'
import type { RolloutPolicy } from '../../../../protocol/rollout/policy.ts'
import { type Manner, newSystem, oldSystem, policyOf, Site, systemOf, well } from './site.ts'

const min = 60_000
// Activation, confirmation and the margin: what a silent host may need.
const silence = 10 * min + 15 * min + min
const said = { operator: 'ada', message: '' }

/** Each want's answer; what is not named goes well, null is no answer. */
const answers =
  (by: Readonly<Record<string, ReturnType<Manner>>>): Manner =>
  ({ want }) => {
    const answer = by[want]
    return answer === undefined ? {} : answer
  }

function started(by: Parameters<typeof answers>[0], policy?: RolloutPolicy, hosts: readonly string[] = ['a1']): Site {
  const site = new Site({ hosts, ...(policy === undefined ? {} : { policy }) })
  site.manners.set('a1', answers(by))
  return site.plan().start()
}

t.test('a host that went back is judged before it is said to be back', async (t) => {
  const failing = { active: { is: 'failed' as const, reason: 'exit 1' } }
  const rows: readonly (readonly [
    what: string,
    reverted: ReturnType<Manner>,
    afterMs: number,
    runs: string,
    text: string,
  ])[] = [
    ['back and well', {}, 0, 'a1 reverted', 'exit 1'],
    ['not heard of', null, 11 * min - 1, 'a1 reverting', ''],
    ['not in time', null, 11 * min, 'a1 revert-failed', 'not go back in time'],
    ['at it', { is: 'reverting' }, 11 * min, 'a1 revert-failed', 'not go back in time'],
    ['refused', { is: 'revert-failed', reason: 'no old system' }, 0, 'a1 revert-failed', 'no old system'],
    ['another runs', { current: systemOf('x') }, 0, 'a1 revert-failed', 'it runs /nix'],
    ['none is known', { current: null, profile: null }, 0, 'a1 revert-failed', 'no known system and boots no known'],
    ['it boots another', { profile: newSystem }, 0, 'a1 revert-failed', 'boots /nix'],
    ['what ran before is not known', { previous: null }, 0, 'a1 revert-failed', 'it runs'],
    ['not as well', { health: { ...well, failed: ['x.service'] } }, 5 * min, 'a1 revert-failed', 'x.service'],
    ['not known how', { health: null }, 5 * min - 1, 'a1 reverting', ''],
    [
      'not all in service',
      { health: { ...well, missing: ['y.service'] } },
      5 * min + min,
      'a1 revert-failed',
      'y.service',
    ],
  ]
  for (const [what, reverted, afterMs, runs, text] of rows) {
    const site = started({ ...failing, reverted })
    if (afterMs > 0) site.pass(afterMs)
    t.equal(site.runs, runs, what)
    if (text !== '') t.match(site.run('a1').reason, text, what)
    if (runs === 'a1 revert-failed') t.equal(site.machine('a1').holds.length, 1, `${what}: it stays drained`)
    if (runs === 'a1 reverted') t.strictSame(site.machine('a1').holds, [], `${what}: it serves again`)
    if (runs !== 'a1 reverting') t.equal(site.is, 'paused', what)
  }
})

t.test('a host that lost its job cannot show that it is back', async (t) => {
  const site = started({ active: { is: 'failed', reason: '' }, reverted: null })
  site.machine('a1').jobs.clear()
  site.report('a1')
  site.settle()
  t.equal(site.pass(11 * min).runs, 'a1 revert-failed')
  t.match(site.run('a1').reason, 'knows nothing')
})

t.test('a host that was opened before it failed is drained again', async (t) => {
  const site = started({ active: { health: { ...well, missing: ['x.service'] } }, reverted: {} })
  t.equal(site.runs, 'a1 serving')
  site.machine('a1').isStuck = true
  site.pass(5 * min)
  t.equal(site.runs, 'a1 reverting')
  t.equal(site.machine('a1').holds.length, 1)
  t.equal(site.pass(10 * min - 1).runs, 'a1 reverting')
  site.machine('a1').isStuck = false
  t.equal(site.pass(1).runs, 'a1 reverted', 'what still runs then is stopped by the switch')
  t.equal(site.run('a1').holds, 2)
})

t.test('without a drain a host goes back as it stands', async (t) => {
  const site = new Site({ hosts: ['a1'] })
  site.manners.set('a1', answers({ active: { is: 'failed', reason: 'x' }, reverted: { is: 'revert-failed' } }))
  site.plan().start({ drain: false })
  t.equal(site.runs, 'a1 revert-failed')
  t.equal(site.fleet.state.holds.size, 0)
})

t.test('silence is never guessed about', async (t) => {
  const rows: readonly (readonly [
    what: string,
    by: Parameters<typeof answers>[0],
    speaks: Parameters<Site['set']>[1],
    runs: string,
  ])[] = [
    ['it went back', { active: null }, { is: 'reverted' }, 'a1 reverted'],
    ['it had failed', { active: null }, { is: 'failed' }, 'a1 reverted'],
    ['it still runs the new one', { active: null }, { is: 'active', current: newSystem }, 'a1 reverted'],
    ['it had committed', { committed: null }, { is: 'committed', profile: newSystem }, 'a1 done'],
    ['it boots another', { committed: null }, { is: 'committed' }, 'a1 reverted'],
  ]
  for (const [what, by, speaks, runs] of rows) {
    const site = started(by).down('a1')
    const before = site.runs
    site.pass(silence - 1)
    t.equal(site.runs, before, what)
    site.pass(1)
    t.equal(site.runs, 'a1 lost', what)
    t.equal(site.is, 'paused', what)
    t.equal(site.status.settled, false, what)
    site.pass(1_000 * min)
    t.equal(site.runs, 'a1 lost', `${what}: no time frees its slot`)
    const machine = site.machine('a1')
    machine.jobs.set(site.run('a1').job, { ...site.job('a1'), health: well, ...speaks })
    site.back('a1').order({ verb: 'resume', ...said })
    t.equal(site.runs, runs, what)
  }
})

t.test('a host that is silent while it soaks, and one that vanishes from the configuration', async (t) => {
  const soaking = new Site({ hosts: ['a1'], policy: policyOf({ stages: [{ name: 'all', select: '*', soak: '1h' }] }) })
    .plan()
    .start()
  t.equal(soaking.runs, 'a1 soaking')
  soaking.down('a1').pass(silence)
  t.equal(soaking.runs, 'a1 lost')
  const left = new Site({ hosts: ['a1'], policy: policyOf({ stages: [{ name: 'all', select: '*', soak: '1h' }] }) })
  left.plan().start()
  left.send({ type: 'configured', plan: { ...left.fleet.state.plan, hosts: new Map() } })
  t.equal(left.settle().runs, 'a1 lost', 'nothing waits for ever for one that left while it soaked')
  t.equal(left.status.settled, true)
  const site = started({ active: null })
  const { plan } = site.fleet.state
  site.send({ type: 'configured', plan: { ...plan, hosts: new Map() } })
  site.settle()
  t.equal(site.runs, 'a1 lost')
  t.ok(site.run('a1').released, 'its slot is free')
  t.equal(site.status.settled, true)
  const reverting = started({ active: { is: 'failed' }, reverted: null })
    .down('a1')
    .pass(silence)
  t.equal(reverting.runs, 'a1 lost', 'also on its way back')
})

t.test('a host that restarts before it is committed is helped home', async (t) => {
  const site = started(
    { active: { health: { ...well, failed: ['x.service'] } }, reverted: {} },
    policyOf({ onFailure: 'pause' }),
  )
  t.equal(site.runs, 'a1 verifying')
  site.down('a1').reboot('a1')
  site.machine('a1').jobs.set(site.run('a1').job, { ...site.job('a1'), current: oldSystem, health: well })
  site.back('a1')
  t.equal(site.runs, 'a1 reverted')
  t.ok(site.events.some(({ type }) => type === 'host.interrupted'))
  t.equal(site.rollout.reason, 'a1: its host restarted before it was committed')
  t.equal(site.status.exit, 4)
})

t.test('a host that is on its way for too long', async (t) => {
  const site = started({ active: null }, policyOf({ progressDeadline: '5m', activate: { deadline: '30m' } }))
  t.equal(site.pass(5 * min - 1).runs, 'a1 activating')
  t.equal(site.pass(1).runs, 'a1 reverted')
  t.match(site.run('a1').reason, 'too long')
})

t.test('a host that does not open', async (t) => {
  const site = started({})
  t.equal(site.runs, 'a1 done')
  const shut = new Site({
    hosts: ['a1'],
    plan: { resources: new Map([['pg', { name: 'pg', gate: null, probed: true, units: [] }]]) },
  })
  shut.fleet.probe(true)
  shut.manners.set('a1', ({ want }) => {
    if (want === 'active') shut.send({ type: 'probed', resource: 'pg', ready: false, reason: 'gone' })
    return {}
  })
  shut.machine('a1').isStuck = false
  shut.plan().start()
  t.equal(shut.runs, 'a1 done', 'this host opens by itself')
})

t.test('somebody else keeps a host shut: its service is theirs', async (t) => {
  const site = new Site({ hosts: ['a1'] })
  site.fleet.drain('theirs')
  site.settle()
  site.report('a1')
  site.settle()
  const held = new Site({ hosts: ['a1'] })
  held.send({
    type: 'drain-asked',
    request: { id: 'f'.repeat(32), selector: '*', operator: 'eve', message: '', dryRun: false },
  })
  held.settle()
  t.equal(held.machine('a1').holds.length, 1)
  held.manners.set('a1', answers({ active: { health: { ...well, missing: ['x.service'] } } }))
  held.plan().start()
  t.equal(held.runs, 'a1 done')
  t.equal(held.machine('a1').holds.length, 1, 'their hold was not touched')
  t.ok(held.events.some(({ type, reason }) => type === 'host.serving' && /kept shut by operator:eve/.test(reason)))
  const back = new Site({ hosts: ['a1'] })
  back.send({
    type: 'drain-asked',
    request: { id: 'f'.repeat(32), selector: '*', operator: 'eve', message: '', dryRun: false },
  })
  back.settle()
  back.manners.set('a1', answers({ active: { is: 'failed' }, reverted: { health: { ...well, missing: ['x'] } } }))
  back.plan().start()
  t.equal(back.runs, 'a1 reverted')
})

t.test('what soaks may still fail', async (t) => {
  const stages = [{ name: 'all', select: '*', soak: '10m', maxParallel: 2 }]
  const site = new Site({ policy: policyOf({ stages }), budgets: { any: { select: '*', maxUnavailable: 1 } } })
    .plan()
    .start()
  t.equal(site.runs, 'a1 soaking, b1 soaking')
  const sick = { ...well, failed: ['x.service'] }
  site.set('a1', { health: sick })
  t.equal(site.pass(29_999).runs, 'a1 soaking, b1 soaking')
  site.down('b1').pass(1)
  t.equal(site.runs, 'a1 failed, b1 soaking', 'it stays in service while another is out of it')
  site.back('b1')
  t.equal(site.runs, 'a1 reverted, b1 soaking')
  t.equal(site.is, 'paused')
  t.match(site.rollout.reason, 'a1: failed since: x.service')
  t.equal(site.pass(10 * min).runs, 'a1 reverted, b1 soaking', 'a pause ends no soak')
  t.equal(site.order({ verb: 'resume', ...said }).runs, 'a1 reverted, b1 done')
  t.equal(site.is, 'failed')
})

t.test('a rollout has not gone back before whoever failed in service has', async (t) => {
  const stages = [{ name: 'all', select: '*', soak: '10m', maxParallel: 2 }]
  const site = new Site({
    policy: policyOf({ stages, onFailure: 'rollback-wave' }),
    budgets: { any: { select: '*', maxUnavailable: 1 } },
  })
  site.plan({ selector: 'a1' }).start()
  site.set('a1', { health: { ...well, failed: ['x.service'] } }).pass(29_999)
  site.down('b1').pass(1)
  t.equal(site.runs, 'a1 failed')
  t.equal(site.is, 'rolling-back', 'the budget has no room for it yet')
  t.equal(site.order({ verb: 'release', host: 'a1', ...said }).is, 'rolled-back', 'a person gave it up')
  t.equal(site.status.exit, 3)
})
