import t from 'tap'
import { begin } from '../../../agent/core/begin.ts'
import { helloOf, reportOf } from '../../../agent/core/report.ts'
import { limits } from '../../../protocol/limits.ts'
import type { JobResults } from '../../../protocol/rebuild.ts'
import type { JobCommand } from '../../../protocol/v2/job.ts'
import { decodeAgentMessage } from '../../../protocol/v2.ts'
import { asked, command, JobScene, job, jobScene, previous, quietUnits, results, system, upTo } from './job-scene.ts'
import { bootId, claimOf, kinds, notes, outcomes, policy, Scene, sentTo, spec, twin } from './scene.ts'

const other = 'f'.repeat(32)

t.test('an order is kept before anything is done for it', async (t) => {
  const scene = new JobScene()
  t.strictSame(notes(scene.order()), ['job-ordered'])
  t.ok(kinds(scene.effects).includes('report'))
  t.match(scene.disk.jobs.get(job), { order: { want: 'prefetched', source: { system } }, baseline: null })
  t.equal(scene.told().is, 'prefetching')
  t.strictSame(asked(scene.see(upTo('nothing'))), ['prefetch'])
})

t.test('an order that the disk refuses is not taken', async (t) => {
  const scene = new JobScene()
  scene.isFull = true
  t.strictSame(outcomes(scene.order({ id: 'c9' })), ['c9 not-persisted'])
  t.equal(scene.state.rebuilds?.jobs.size, 0)
})

t.test('who may order', async (t) => {
  const scene = new JobScene()
  scene.order({ claim: claimOf(3, 9) })
  t.match(sentTo(scene.order({ claim: claimOf(2) }), 'c'), [{ type: 'error', code: 'superseded' }])
  const fresh = new JobScene()
  fresh.order({ claim: claimOf(1, 9) })
  t.strictSame(outcomes(fresh.order({ id: 'c2', claim: claimOf(1, 8) })), ['c2 stale'])
  fresh.greet('d', { kind: 'direct', operator: 'ada' })
  t.match(sentTo(fresh.order({}, 'd'), 'd'), [{ type: 'error', code: 'bad-message' }])
  t.match(sentTo(fresh.order({}, 'nobody'), 'nobody'), [{ type: 'error', code: 'bad-message' }])
})

t.test('a host that takes no rebuilds says so', async (t) => {
  const scene = new Scene()
  scene.greet('c')
  t.strictSame(outcomes(scene.send({ type: 'job-ordered', link: 'c', command })), ['c1 failed'])
  t.strictSame(scene.send({ type: 'job-probed', job, name: 'app', ok: true, reason: '' }), [])
  t.notOk('jobs' in reportOf(scene.state))
  t.notOk('features' in helloOf(scene.state, 1))
  const taking = new JobScene()
  t.strictSame(helloOf(taking.state, 1).features, ['jobs'])
  t.strictSame(reportOf(taking.state).jobs, [])
})

const changes: readonly [name: string, more: Partial<JobCommand>, want: JobCommand['want'], saves: boolean][] = [
  ['the same', {}, 'baselined', false],
  ['further', { want: 'active' }, 'active', true],
  ['less far changes nothing', { want: 'prefetched', mode: 'reboot' }, 'baselined', false],
  ['as far, in another way', { mode: 'reboot' }, 'baselined', true],
  ['another system changes nothing', { source: { mode: 'closure', system: previous } }, 'baselined', false],
]
for (const [name, more, want, saves] of changes) {
  t.test(`an order again: ${name}`, async (t) => {
    const scene = jobScene({ want: 'baselined' })
    const before = scene.saves
    scene.order({ want: 'baselined', ...more })
    t.match(scene.state.rebuilds?.jobs.get(job)?.record.order, { want, source: { system } })
    t.match(scene.disk.jobs.get(job)?.order, { want, source: { system } })
    // The claim was kept with the greeting.
    t.equal(scene.saves - before, saves ? 1 : 0)
    t.ok(kinds(scene.effects).includes('report'), 'the present state is the answer')
  })
}

t.test('a claim that is new is kept along with an order that changes nothing', async (t) => {
  const scene = jobScene({ want: 'baselined' })
  scene.order({ want: 'baselined', claim: claimOf(2) })
  t.equal(scene.disk.seen?.epoch, 2)
})

t.test('a job that is not here has been forgotten already', async (t) => {
  const scene = new JobScene()
  t.strictSame(kinds(scene.order({ want: 'forgotten' })), ['report'])
  t.equal(scene.state.rebuilds?.jobs.size, 0)
})

t.test('one job too many is told as blocked, until there is room', async (t) => {
  const scene = new JobScene()
  const ids = [1, 2, 3].map((each) => `${each}`.repeat(32))
  for (const [at, id] of ids.entries()) scene.order({ job: id, rollout: `r${at + 1}` })
  t.strictSame(notes(scene.order({ job: other, rollout: 'r9' })), ['job-refused'])
  t.match(scene.told(other), { is: 'blocked', rollout: 'r9', blockers: [/3 rebuilds already, of r1, r2, r3/] })
  t.equal(reportOf(scene.state).jobs?.length, limits.jobsMax)
  decodeAgentMessage(JSON.stringify(reportOf(scene.state)))
  const [first = ''] = ids
  scene.order({ job: first, rollout: 'r1', want: 'forgotten' })
  t.strictSame(notes(scene.see(upTo('nothing'), {}, first)), ['job-forgotten'])
  t.throws(() => scene.told(other), /nothing is told/)
  scene.order({ job: other, rollout: 'r9' })
  t.equal(scene.told(other).is, 'prefetching')
})

const failed = { ...results.exit, ok: false, exit: 2, reason: 'the activation script failed (exit 2)' }
const blocked = { ...results.prefetch, rebootReasons: [], touches: [], blockers: ['drifted'] }
type Way = readonly [
  name: string,
  want: JobCommand['want'],
  found: JobResults,
  is: string,
  action: readonly string[],
  more?: { readonly running?: 'switch' | 'back' | 'commit'; readonly current?: string | null },
]
const ways: readonly Way[] = [
  ['nothing is there', 'committed', upTo('nothing'), 'prefetching', ['prefetch']],
  ['fetched, and that is all', 'prefetched', upTo('prefetch'), 'baselined', []],
  ['fetched, with something in the way', 'committed', upTo('prefetch', { prefetch: blocked }), 'blocked', []],
  ['to be active', 'active', upTo('prefetch'), 'baselined', ['activate']],
  ['a switch is under way', 'active', upTo('activation'), 'activating', [], { running: 'switch' }],
  ['a reboot is under way', 'active', upTo('activation', { activation: { bootId, kind: 'reboot' } }), 'rebooting', []],
  [
    'a reboot has come between',
    'active',
    upTo('activation', { activation: { bootId: twin, kind: 'reboot' } }),
    'rebooting',
    ['resume'],
  ],
  [
    'a boot has come after the switch',
    'active',
    upTo('exit', { exit: { ...results.exit, bootId: twin } }),
    'active',
    ['resume'],
  ],
  ['active', 'active', upTo('exit'), 'active', []],
  ['active, and to stay', 'committed', upTo('exit'), 'active', ['commit']],
  ['a commit is under way', 'committed', upTo('exit'), 'committing', [], { running: 'commit' }],
  ['a switch that failed', 'committed', upTo('exit', { exit: failed }), 'failed', []],
  ['another system than was switched to', 'committed', upTo('exit'), 'failed', [], { current: previous }],
  ['no system that is known', 'committed', upTo('exit'), 'failed', [], { current: null }],
  ['committed', 'committed', upTo('commit'), 'committed', []],
  [
    'a commit that did not hold',
    'committed',
    upTo('commit', { commit: { ok: false, reason: 'loader' } }),
    'failed',
    [],
  ],
  ['to go back from a switch', 'reverted', upTo('activation'), 'reverting', ['revert'], { running: 'switch' }],
  ['to go back from a commit', 'reverted', upTo('commit'), 'reverting', ['revert']],
  ['to go back from nothing', 'reverted', upTo('nothing'), 'reverting', ['revert']],
  ['on its way back', 'reverted', upTo('exit'), 'reverting', [], { running: 'back' }],
  ['on its way back by itself', 'active', upTo('exit'), 'reverting', [], { running: 'back' }],
  ['back', 'reverted', upTo('exit', { revert: results.revert }), 'reverted', []],
  ['back by itself, whatever is wanted', 'committed', upTo('exit', { revert: results.revert }), 'reverted', []],
  [
    'not back, and on its way once more',
    'reverted',
    upTo('exit', { revert: { ...results.revert, ok: false } }),
    'reverting',
    [],
    { running: 'back' },
  ],
  ['not back', 'reverted', upTo('exit', { revert: { ...results.revert, ok: false } }), 'revert-failed', []],
  ['to be forgotten, active', 'forgotten', upTo('exit'), 'reverting', ['revert']],
  ['to be forgotten, committed', 'forgotten', upTo('commit'), 'committed', ['forget']],
  ['to be forgotten, fetched', 'forgotten', upTo('prefetch'), 'baselined', ['forget']],
]
for (const [name, want, found, is, action, more] of ways) {
  t.test(`what is missing: ${name}`, async (t) => {
    const scene = jobScene({ want })
    t.strictSame(asked(scene.see(found, more)), action)
    t.equal(scene.told().is, is)
    decodeAgentMessage(JSON.stringify(reportOf(scene.state)))
  })
}

t.test('fetched again where what nobody knows is to be replaced after all', async (t) => {
  const scene = jobScene({ want: 'baselined', adopt: true })
  t.strictSame(asked(scene.see(upTo('prefetch', { prefetch: blocked }))), ['prefetch'])
  t.strictSame(asked(scene.see(upTo('prefetch', { prefetch: { ...blocked, adopt: true } }))), [], 'once')
})

t.test('the baseline is what a look at the units shows, and is kept', async (t) => {
  const scene = jobScene({ want: 'active' }, null)
  t.strictSame(asked(scene.see(upTo('prefetch'))), [], 'no look, no baseline')
  t.equal(scene.told().is, 'prefetched')
  scene.see(upTo('prefetch'), { units: { failed: ['old.service'], restarting: ['flap.service'], restarts: [] } })
  t.strictSame(scene.disk.jobs.get(job)?.baseline, {
    bootId,
    failed: ['old.service'],
    restarting: ['flap.service'],
    active: [],
  })
  t.equal(scene.told().baselineBootId, bootId)
  t.strictSame(asked(scene.see(upTo('prefetch'))), ['activate'])
  const full = jobScene({ want: 'active' }, null)
  full.isFull = true
  full.see(upTo('prefetch'), { units: quietUnits })
  t.equal(full.told().is, 'prefetching', 'nothing has happened')
})

t.test('orders of before a restart are known', async (t) => {
  const state = begin({
    policy,
    bootId,
    seen: null,
    specs: [spec],
    records: new Map(),
    jobs: jobScene().disk.jobs,
    atMs: 0,
  })
  t.equal(state.rebuilds?.jobs.size, 1)
})
