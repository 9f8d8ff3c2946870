import t from 'tap'
import type { RolloutPolicy } from '../../../../protocol/rollout/policy.ts'
import { type Manner, newSystem, oldSystem, policyOf, Site, systemOf, well } from './site.ts'

const min = 60_000
const one = (policy: RolloutPolicy = policyOf(), more = {}) => new Site({ hosts: ['a1'], policy, ...more })
/** Answers nothing to these. */
const deafTo =
  (...wants: readonly string[]): Manner =>
  ({ want }) =>
    wants.includes(want) ? null : {}

function started(manner: Manner, policy?: RolloutPolicy): Site {
  const site = one(policy)
  site.manners.set('a1', manner)
  return site.plan().start()
}

t.test('the baseline is taken before anything stops', async (t) => {
  const site = started(deafTo('baselined'))
  t.equal(site.runs, 'a1 draining')
  t.equal(site.fleet.state.holds.size, 0)
  site.set('a1', { is: 'baselined' })
  t.equal(site.runs, 'a1 done')
})

t.test('before a host is changed it goes back by being opened', async (t) => {
  const stuck = (onDeadline: 'undrain' | 'force' | 'hold') => {
    const site = one(policyOf({ drain: { deadline: '10m', onDeadline } }))
    site.machine('a1').isStuck = true
    return site.plan().start()
  }
  const undrained = stuck('undrain')
  t.equal(undrained.runs, 'a1 draining')
  t.equal(undrained.pass(10 * min - 1).runs, 'a1 draining')
  t.equal(undrained.pass(1).runs, 'a1 reverted')
  t.strictSame(undrained.machine('a1').holds, [])
  t.equal(undrained.is, 'paused')
  t.equal(undrained.rollout.reason, 'a1: it was not drained in time')
  const forced = stuck('force').pass(10 * min)
  t.equal(forced.runs, 'a1 done')
  const held = stuck('hold').pass(10 * min)
  t.equal(held.runs, 'a1 failed')
  t.equal(held.machine('a1').holds.length, 1)
  t.equal(held.status.exit, 3)
  const late = started(deafTo('baselined')).pass(10 * min)
  t.equal(late.runs, 'a1 reverted')
  const blocked = started(({ want }) => (want === 'baselined' ? { is: 'blocked', reason: 'locked', blockers: [] } : {}))
  t.equal(blocked.runs, 'a1 reverted')
  t.match(blocked.run('a1').reason, 'locked')
})

t.test('what becomes of an activation', async (t) => {
  const at =
    (want: string, job: ReturnType<Manner>): Manner =>
    (order) =>
      order.want === want ? job : {}
  const rows: readonly (readonly [what: string, manner: Manner, afterMs: number, runs: string, text: string])[] = [
    ['it runs', at('active', {}), 0, 'a1 done', ''],
    ['it is at it', deafTo('active'), 11 * min - 1, 'a1 activating', ''],
    ['it takes too long', deafTo('active'), 11 * min, 'a1 reverted', 'not run in time'],
    ['it fails', at('active', { is: 'failed', reason: 'exit 1' }), 0, 'a1 reverted', 'exit 1'],
    [
      'it is blocked',
      at('active', { is: 'blocked', reason: 'lock', blockers: ['held'] }),
      0,
      'a1 reverted',
      'lock; held',
    ],
    ['another runs', at('active', { current: systemOf('x') }), 0, 'a1 reverted', 'it runs /nix/store'],
    ['none is known', at('active', { current: null }), 0, 'a1 reverted', 'no known system'],
    ['it went back', at('active', { is: 'reverted', current: oldSystem }), 0, 'a1 reverted', 'by itself'],
    ['it goes back', at('active', { is: 'reverting', current: oldSystem }), 0, 'a1 reverting', 'by itself'],
    ['it restarted', at('active', { is: 'baselined', baselineBootId: '0'.repeat(32) }), 0, 'a1 reverted', 'restarted'],
    ['it is not committed', deafTo('committed'), 11 * min - 1, 'a1 committing', ''],
    ['never', deafTo('committed'), 11 * min, 'a1 reverted', 'boots in time'],
    ['its commit fails', at('committed', { is: 'failed', reason: 'loader' }), 0, 'a1 reverted', 'loader'],
    ['it boots another', at('committed', { profile: oldSystem }), 0, 'a1 committing', ''],
    ['it is committing', at('committed', { is: 'committing' }), 0, 'a1 committing', ''],
  ]
  for (const [what, manner, afterMs, runs, text] of rows) {
    const site = started(manner)
    if (afterMs > 0) site.pass(afterMs)
    t.equal(site.runs, runs, what)
    if (text !== '') t.match(site.run('a1').failure?.reason, text, what)
  }
})

t.test('a reboot', async (t) => {
  const reboot: Manner = ({ want }) => (want === 'active' ? { is: 'rebooting' } : { action: 'reboot' })
  const policy = policyOf({ reboot: { allow: 'always' } })
  const site = started(reboot, policy)
  t.equal(site.runs, 'a1 rebooting')
  site.down('a1')
  site.reboot('a1')
  site.back('a1').set('a1', { is: 'active', current: newSystem, health: well })
  t.equal(site.runs, 'a1 done')
  t.equal(site.run('a1').bootId, 'c'.repeat(32))
  const slow = started(reboot, policy).pass(16 * min - 1)
  t.equal(slow.runs, 'a1 rebooting')
  t.equal(slow.pass(1).runs, 'a1 reverted', 'it never went')
  const fallen = started(reboot, policy).down('a1')
  fallen.reboot('a1')
  fallen.back('a1').set('a1', { is: 'failed', reason: 'the old system runs' })
  t.equal(fallen.runs, 'a1 reverted')
  const twice = started(
    ({ want }) => (want === 'active' ? { is: 'rebooting' } : want === 'committed' ? null : { action: 'reboot' }),
    policy,
  )
  twice.reboot('a1')
  twice.set('a1', { is: 'active', current: newSystem, health: well })
  t.equal(twice.runs, 'a1 committing')
  twice.reboot('a1')
  twice.report('a1')
  t.equal(twice.settle().run('a1').failure?.reason, 'its host restarted before it was committed')
  const live = started(({ want }) => (want === 'active' ? { is: 'rebooting' } : {}))
  t.equal(live.runs, 'a1 activating', 'nobody asked for one')
})

t.test('a policy that reboots hosts that could be switched', async (t) => {
  const site = one(policyOf({ activate: { mode: 'reboot' }, reboot: { allow: 'always' } }))
  site.manners.set('a1', ({ want, mode }) =>
    want === 'active' ? { is: mode === 'reboot' ? 'rebooting' : 'failed' } : {},
  )
  t.equal(site.plan().start().runs, 'a1 rebooting')
})

t.test('leave to reboot', async (t) => {
  const window = 'Sun 02:00/3h Europe/Berlin'
  const rows: readonly (readonly [
    what: string,
    policy: Parameters<typeof policyOf>[0],
    allowReboot: boolean,
    runs: string,
  ])[] = [
    ['never', { reboot: { allow: 'never' } }, true, 'a1 deferred'],
    ['ask, and not asked', { reboot: { allow: 'ask' } }, false, 'a1 deferred'],
    ['ask, and asked', { reboot: { allow: 'ask' } }, true, 'a1 done'],
    ['always', { reboot: { allow: 'always' } }, false, 'a1 done'],
    [
      'always, where the policy switches',
      { reboot: { allow: 'always' }, activate: { mode: 'live' } },
      true,
      'a1 deferred',
    ],
    ['a window that is none', { reboot: { allow: 'window' } }, false, 'a1 deferred'],
    ['a window, not looked at', { reboot: { allow: 'window', window } }, false, 'a1 ready'],
    ['a window, and leave besides', { reboot: { allow: 'window', window } }, true, 'a1 done'],
  ]
  for (const [what, policy, allowReboot, runs] of rows) {
    const site = one(policyOf(policy))
    site.manners.set('a1', () => ({ action: 'reboot' }))
    site.plan().start({ allowReboot })
    t.equal(site.runs, runs, what)
  }
})

t.test('a window of reboots opens and closes', async (t) => {
  const window = 'Sun 02:00/3h Europe/Berlin'
  const key = `window ${window}`
  const site = new Site({
    hosts: ['a1', 'b1'],
    policy: policyOf({
      reboot: { allow: 'window', window },
      gates: { between: [{ exec: ['x'] }] },
      stages: [
        { name: 'a', select: '@a', soak: 0 },
        { name: 'b', select: '*', soak: 0 },
      ],
    }),
  })
  site.manners.set('a1', () => ({ action: 'reboot' }))
  site.plan().start()
  t.match(site.rollout.stage.reason, 'may reboot now is being looked at')
  site.tell(key, false)
  t.equal(site.run('a1').now.is, 'deferred')
  t.match(site.run('a1').reason, window)
  t.equal(site.run('b1').now.is, 'done', 'the first wave has no gate between')
  t.equal(site.is, 'succeeded')
  t.equal(site.status.exit, 10)
  const open = new Site({ hosts: ['a1'], policy: policyOf({ reboot: { allow: 'window', window } }) })
  open.manners.set('a1', () => ({ action: 'reboot' }))
  open.plan().start().tell(key, true)
  t.equal(open.runs, 'a1 done')
})

t.test('a host is judged twice before it is committed', async (t) => {
  const sick = { ...well, failed: ['x.service'] }
  const site = started(
    ({ want }) => (want === 'active' ? { health: sick } : {}),
    policyOf({ health: { settle: 0, minHealthy: '30s' } }),
  )
  t.equal(site.runs, 'a1 verifying')
  t.match(site.status.hosts[0]?.reason, 'failed since: x.service')
  site.pass(min).set('a1', { health: well })
  t.equal(site.pass(29_999).runs, 'a1 verifying')
  site.set('a1', { health: sick }).set('a1', { health: well })
  t.equal(site.pass(29_999).runs, 'a1 verifying', 'one red begins the time anew')
  t.equal(site.pass(1).runs, 'a1 serving')
  t.strictSame(site.machine('a1').holds, [])
  t.equal(site.pass(29_999).runs, 'a1 serving')
  site.set('a1', { health: { ...well, missing: ['y.service'] } })
  t.equal(site.pass(30_000).runs, 'a1 serving')
  site.set('a1', { health: well })
  t.equal(site.pass(30_000).runs, 'a1 soaking'.replace('soaking', 'done'))
})

t.test('whoever is not well any more when it is to be told again is not told', async (t) => {
  const site = started(deafTo('committed'))
  t.equal(site.runs, 'a1 committing')
  const { length } = site.machine('a1').wants
  site.down('a1').machine('a1')
  site.machine('a1').jobs.set(site.run('a1').job, { ...site.job('a1'), health: { ...well, failed: ['x.service'] } })
  t.equal(site.back('a1').runs, 'a1 serving')
  t.equal(site.machine('a1').wants.length, length)
  site.set('a1', { health: well })
  t.equal(site.runs, 'a1 committing')
  t.equal(site.machine('a1').wants.length, length + 1)
})

t.test('what a host has to show', async (t) => {
  const probes = {
    app: { http: 'http://127.0.0.1/', when: 'drained' as const },
    lb: { exec: ['check-lb', '{host}'] },
    up: { promql: 'up{host="{host}"}' },
    far: { tcp: { address: '{host}', port: 1 }, from: 'coordinator' as const },
    near: { tcp: { address: '127.0.0.1', port: 1 } },
  }
  const policy = policyOf({ health: { settle: 0, minHealthy: 0, probes } })
  const site = started(({ want }) => (want === 'active' ? { health: { ...well, settled: false } } : {}), policy)
  const reason = () => site.status.hosts[0]?.reason
  const told = (...names: readonly string[]) => names.map((name) => ({ name, ok: true, reason: '' }))
  t.equal(reason(), 'settling')
  site.set('a1', { health: null })
  t.equal(reason(), 'settling')
  site.set('a1', { health: { ...well, looping: ['x.service'] } })
  t.match(reason(), 'again and again: x.service')
  site.set('a1', { health: well })
  t.equal(reason(), 'probe app: no word from the host')
  site.set('a1', { health: { ...well, probes: [{ name: 'app', ok: false, reason: '500' }] } })
  t.equal(reason(), 'probe app: 500')
  site.set('a1', { health: { ...well, probes: told('app') } })
  t.equal(site.runs, 'a1 serving')
  t.equal(reason(), 'probe lb: not looked at yet')
  const keys = ['lb', 'up', 'far'] as const
  const keyOf = (name: (typeof keys)[number]) => `probe a1 ${JSON.stringify(policy.health.probes[name])}`
  for (const name of keys) site.tell(keyOf(name), name !== 'up', 'down')
  t.equal(reason(), 'probe up: down')
  site.tell(keyOf('up'), true)
  t.equal(reason(), 'probe near: no word from the host')
  site.down('a1')
  t.match(reason(), 'not connected')
  site.back('a1').pass(15_001)
  site.set('a1', { health: { ...well, probes: told('near') } })
  t.equal(reason(), 'probe lb: not looked at yet', 'what was seen long ago does not count')
  for (const name of keys) site.tell(keyOf(name), true)
  t.equal(site.runs, 'a1 done')
})

t.test('health has its time', async (t) => {
  const sick = { ...well, failed: ['x.service'] }
  const site = started(({ want }) => (want === 'active' ? { health: sick } : {}))
  t.equal(site.pass(5 * min - 1).runs, 'a1 verifying')
  site.pass(1)
  t.equal(site.runs, 'a1 reverted')
  t.match(site.run('a1').reason, 'not well in time: failed since: x.service')
  const shut = started(({ want }) => (want === 'active' ? { health: { ...well, missing: ['y.service'] } } : {}))
  t.equal(shut.runs, 'a1 serving')
  shut.pass(5 * min)
  t.equal(shut.runs, 'a1 reverted', 'it was drained again and went back')
})
