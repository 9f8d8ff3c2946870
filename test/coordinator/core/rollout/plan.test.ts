import t from 'tap'
import type { HostSpec } from '../../../../coordinator/core/state.ts'
import type { PlanRequest } from '../../../../protocol/rollout/api.ts'
import type { RolloutPolicy } from '../../../../protocol/rollout/policy.ts'
import { specOf } from '../shapes.ts'
import { newSystem, policyOf, Site, systemOf } from './site.ts'

const byName = (...specs: readonly HostSpec[]) => new Map(specs.map((spec) => [spec.name, spec]))
const staged = policyOf({
  stages: [
    { name: 'canary', select: '@a', soak: 0 },
    { name: 'rest', select: '*', soak: 0, maxParallel: 2 },
  ],
})

t.test('the first stage that matches has a host; the coordinator has one to itself', async (t) => {
  const rows: readonly (readonly [
    what: string,
    self: string | null,
    policy: RolloutPolicy,
    stages: readonly string[],
  ])[] = [
    ['no coordinator among them', null, staged, ['canary: a1 a2', 'rest: b1 c1']],
    ['it is the last', 'a1', staged, ['canary: a2', 'rest: b1 c1', 'coordinator: a1']],
    ['it is the first', 'a1', { ...staged, self: 'first' }, ['coordinator: a1', 'canary: a2', 'rest: b1 c1']],
  ]
  for (const [what, self, policy, stages] of rows) {
    const site = new Site({ hosts: ['a1', 'a2', 'b1', 'c1'], policy, self }).plan()
    const found = site.rollout.stages.map(({ name }, at) =>
      [`${name}:`, ...site.status.hosts.filter(({ stage }) => stage === at).map(({ host }) => host)].join(' '),
    )
    t.strictSame(found, stages, what)
  }
})

const closure = (systems: Record<string, string>): Partial<PlanRequest> => ({ source: { mode: 'closure', systems } })

t.test('what cannot be planned is refused with its name', async (t) => {
  const request = { id: '9'.repeat(32), policy: 'p', selector: '*', operator: 'ada', message: '', meta: {} }
  const source = { mode: 'closure' as const, systems: { a1: newSystem } }
  const only = policyOf({ stages: [{ name: 'canary', select: '@z' }] })
  const early = policyOf({ hooks: [{ name: 'h', before: 'stage:none', run: ['x'] }] })
  const rows: readonly (readonly [
    what: string,
    policy: RolloutPolicy,
    more: Partial<PlanRequest>,
    code: string,
    text: string,
  ])[] = [
    ['an unknown policy', policyOf(), { policy: 'q' }, 'unknown-policy', 'there is: p'],
    ['a system for nobody', policyOf(), closure({ z9: newSystem }), 'unknown-host', 'z9'],
    ['nobody is selected', policyOf(), { selector: '@nobody' }, 'nothing-selected', '@nobody'],
    ['nobody has a system', policyOf(), closure({}), 'nothing-selected', '"*"'],
    ['a host in no stage', only, {}, 'bad-request', 'a1 is in no stage'],
    ['a hook before no stage', early, {}, 'bad-request', 'stage none'],
  ]
  for (const [what, policy, more, code, text] of rows) {
    const site = new Site({ policy })
    const refusal = site.fleet.refusal({ type: 'plan-asked', request: { ...request, source, ...more } })
    t.equal(refusal?.code, code, what)
    t.match(refusal?.message, text, what)
    t.equal(site.fleet.state.rollouts.all.size, 0, what)
  }
})

t.test('a request that comes again is the same plan', async (t) => {
  const site = new Site().plan()
  const answer = site.send({
    type: 'plan-asked',
    request: {
      ...{ id: site.rollout.request, policy: 'other', selector: '*', operator: 'ada', message: '', meta: {} },
      ...closure({}),
      source: { mode: 'closure', systems: {} },
    },
  })
  t.strictSame(answer, { rollout: 'r1' })
  t.equal(site.fleet.state.rollouts.all.size, 1)
})

t.test('a plan is for whom it was asked', async (t) => {
  const site = new Site({ hosts: ['a1', 'b1', 'c1'] }).plan(closure({ a1: newSystem, b1: newSystem }))
  t.equal(site.runs, 'a1 ready, b1 ready')
  site.plan({ source: { mode: 'flake', flake: 'git+ssh://x/infra', revision: 'a'.repeat(40) }, selector: '@c' })
  t.equal(site.runs, 'c1 ready')
  t.equal(site.rollout.revision, 'a'.repeat(40))
  t.strictSame(site.run('c1').source, { mode: 'flake', flake: 'git+ssh://x/infra', revision: 'a'.repeat(40) })
  t.equal(site.rollout.now.is, 'planned')
})

t.test('a plan that nobody started gives way to the next for one of its hosts', async (t) => {
  const site = new Site({ hosts: ['a1', 'b1'] }).plan({ selector: 'a1' })
  site.plan({ selector: 'b1' })
  t.equal(site.fleet.state.rollouts.all.get('r1')?.now.is, 'planned')
  site.plan()
  t.equal(site.fleet.state.rollouts.all.get('r1')?.now.is, 'discarded')
  t.equal(site.fleet.state.rollouts.all.get('r2')?.now.is, 'discarded')
  t.strictSame(site.machine('a1').wants, ['prefetched', 'forgotten', 'prefetched'])
})

t.test('what a host says to its preparation', async (t) => {
  const boot = policyOf({ reboot: { bootOnce: 'require' } })
  const forced = policyOf({ activate: { mode: 'reboot' } })
  const rows: readonly (readonly [
    what: string,
    policy: RolloutPolicy,
    job: Parameters<Site['set']>[1],
    runs: string,
  ])[] = [
    ['it would switch', policyOf(), { action: 'live' }, 'a1 ready'],
    ['it would reboot', policyOf(), { action: 'reboot' }, 'a1 ready'],
    ['it runs it already', policyOf(), { action: 'noop' }, 'a1 noop'],
    ['it runs it already, where the policy reboots', forced, { action: 'noop' }, 'a1 noop'],
    ['it is blocked', policyOf(), { is: 'blocked', reason: 'full', blockers: ['/nix'] }, 'a1 blocked'],
    ['it cannot be built', policyOf(), { is: 'failed', reason: 'a bug' }, 'a1 blocked'],
    ['it is at it', policyOf(), { is: 'prefetching', action: null }, 'a1 prefetching'],
    ['its loader cannot boot once', boot, { action: 'reboot', bootOnce: false }, 'a1 blocked'],
    ['its loader need not boot once', boot, { action: 'live', bootOnce: false }, 'a1 ready'],
    ['its loader can boot once', boot, { action: 'reboot', bootOnce: true }, 'a1 ready'],
  ]
  for (const [what, policy, job, runs] of rows) {
    const site = new Site({ hosts: ['a1'], policy })
    site.manners.set('a1', () => job)
    site.plan()
    t.equal(site.runs, runs, what)
    t.equal(site.is, runs === 'a1 prefetching' ? 'planning' : 'planned', what)
  }
})

t.test('while it is planned, a plan follows what its hosts say', async (t) => {
  const site = new Site({ hosts: ['a1'] })
  site.manners.set('a1', () => ({ is: 'blocked', reason: 'the disk is full', blockers: ['free 2 GiB'] }))
  site.plan()
  t.equal(site.run('a1').reason, 'the disk is full; free 2 GiB')
  t.equal(site.status.exit, 7)
  site.set('a1', { is: 'prefetched', action: 'live', reason: '', blockers: [] })
  t.equal(site.runs, 'a1 ready')
  const before = site.hash
  site.set('a1', { action: 'reboot' })
  t.not(site.hash, before, 'it is another plan')
  t.equal(site.status.hosts[0]?.action, 'reboot')
  t.equal(site.runs, 'a1 ready')
  site.set('a1', { is: 'failed', reason: 'collected' })
  t.equal(site.runs, 'a1 blocked')
})

t.test('an agent that begins anew has not looked yet', async (t) => {
  const site = new Site({ hosts: ['a1'] }).plan()
  site.set('a1', { is: 'prefetching', action: null, system: null })
  t.equal(site.is, 'planned')
  t.equal(site.runs, 'a1 ready')
})

t.test('hosts that are not there', async (t) => {
  const site = new Site()
  site.down('b1').plan()
  t.equal(site.is, 'planning', 'it may come back')
  t.equal(site.runs, 'a1 ready, b1 pending')
  t.equal(site.hash, null)
  site.pass(20_000)
  t.equal(site.runs, 'a1 ready, b1 blocked')
  t.equal(site.run('b1').reason, 'its agent is not connected')
  t.equal(site.is, 'planned')
  site.back('b1')
  t.equal(site.runs, 'a1 ready, b1 ready')
  const gone = new Site({ policy: policyOf({ offline: 'skip' }) })
  gone.manners.set('b1', () => null)
  gone.plan().down('b1').pass(20_000)
  t.equal(gone.runs, 'a1 ready, b1 skipped', 'it went while it prepared')
  const kept = new Site()
  kept.manners.set('b1', () => null)
  kept.plan().down('b1').pass(20_000)
  t.equal(kept.runs, 'a1 ready, b1 blocked')
})

t.test('hosts that take no rebuilds', async (t) => {
  const site = new Site({ hosts: ['a1', 'b1'] })
  site.fleet.up('b1')
  site.report('b1')
  site.plan()
  t.equal(site.runs, 'a1 ready, b1 blocked')
  t.match(site.run('b1').reason, 'older one')
  site.down('b1').back('b1')
  t.equal(site.runs, 'a1 ready, b1 ready', 'it was updated')
  const v1 = specOf('c1', { protocol: 'v1' })
  const old = new Site({ hosts: ['a1'] })
  const { plan } = old.fleet.state
  old.send({ type: 'configured', plan: { ...plan, hosts: byName(specOf('a1'), v1) } })
  old.plan()
  t.equal(old.runs, 'a1 ready, c1 blocked')
  t.match(old.run('c1').reason, 'IO Guardian')
})

t.test('an agent that loses its jobs while it prepares', async (t) => {
  const site = new Site({ hosts: ['a1'] })
  site.manners.set('a1', () => null)
  site.plan()
  t.equal(site.runs, 'a1 prefetching')
  site.fleet.up('a1')
  site.report('a1')
  site.settle()
  t.equal(site.runs, 'a1 blocked')
  const { plan } = site.fleet.state
  site.send({ type: 'configured', plan: { ...plan, hosts: new Map() } })
  site.settle().order({ verb: 'retry', operator: 'ada', message: '' })
  t.equal(site.run('a1').reason, 'it is no longer configured')
})

t.test('the text of a plan is that of what it would do', async (t) => {
  const site = new Site({ hosts: ['a1'] }).plan()
  const { text } = site
  t.match(text, /^\{"hosts":\[\{"action":"live"/)
  t.notMatch(text, 'undefined')
  const other = new Site({ hosts: ['a1'] }).plan(closure({ a1: systemOf('other') }))
  t.not(other.text, text)
})

t.test('the oldest that ended are dropped', async (t) => {
  const site = new Site({ hosts: ['a1'] })
  for (let count = 0; count < 52; count += 1) site.plan().order({ verb: 'discard', operator: 'ada', message: '' })
  t.equal(site.fleet.state.rollouts.all.size, 50)
  t.notOk(site.fleet.state.rollouts.all.has('r1'))
  t.ok(site.fleet.saves.some((save) => save.rollouts?.drop.includes('r1')))
})

t.test('nothing is planned that cannot be kept', async (t) => {
  const site = new Site()
  site.fleet.isFull = true
  const source = { mode: 'closure' as const, systems: { a1: newSystem } }
  const request = { id: '9'.repeat(32), policy: 'p', selector: '*', operator: 'ada', message: '', meta: {}, source }
  t.equal(site.fleet.refusal({ type: 'plan-asked', request })?.code, 'not-persisted')
  t.equal(site.fleet.state.rollouts.all.size, 0)
})
