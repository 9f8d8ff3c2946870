import t from 'tap'
import type { StartRequest } from '../../../../protocol/rollout/api.ts'
import type { RolloutPolicy } from '../../../../protocol/rollout/policy.ts'
import { policyOf, Site } from './site.ts'

const request: StartRequest = {
  ...{ plan: 'f'.repeat(64), operator: 'ada', message: '', skipStages: [], skipOffline: false, drain: true },
  ...{ allowReboot: false, adopt: [] },
}
const staged = policyOf({
  stages: [
    { name: 'canary', select: '@a', soak: 0 },
    { name: 'rest', select: '*', soak: 0 },
  ],
})

function refusal(site: Site, more: Partial<StartRequest>, hash: string | null = request.plan, rollout = site.id) {
  return site.fleet.refusal({ type: 'rollout-start-asked', rollout, hash, request: { ...request, ...more } })
}

t.test('what is started is what was seen', async (t) => {
  const rows: readonly (readonly [
    what: string,
    make: () => Site,
    more: Partial<StartRequest>,
    hash: string | null,
    code: string,
    text: string,
  ])[] = [
    ['another plan', () => new Site().plan(), {}, 'e'.repeat(64), 'conflict', 'what was shown'],
    ['no plan yet', () => new Site().down('b1').plan(), {}, null, 'conflict', 'still being planned'],
    [
      'an end',
      () => new Site().plan().order({ verb: 'discard', operator: 'a', message: '' }),
      {},
      request.plan,
      'conflict',
      'is discarded already',
    ],
    [
      'a blocked host',
      () => new Site().down('b1').plan().pass(20_000),
      {},
      request.plan,
      'blocked',
      'b1: its agent is not connected',
    ],
    [
      'a stage that is none',
      () => new Site().plan(),
      { skipStages: ['none'] },
      request.plan,
      'bad-request',
      'no stage none',
    ],
  ]
  for (const [what, make, more, hash, code, text] of rows) {
    const site = make()
    const before = site.is
    const found = refusal(site, more, hash)
    t.equal(found?.code, code, what)
    t.match(found?.message, text, what)
    t.equal(site.is, before, what)
  }
  t.equal(refusal(new Site(), {}, null, 'r9')?.code, 'unknown-rollout')
})

t.test('started twice it is started once', async (t) => {
  const site = new Site().plan()
  t.equal(refusal(site, {}), null)
  t.equal(site.settle().is, 'succeeded')
  const events = site.events.length
  t.equal(refusal(site, {}), null)
  t.equal(site.settle().events.length, events)
})

t.test('a host is in one rollout at a time', async (t) => {
  const site = new Site({ policy: policyOf({ gates: { before: [{ exec: ['x'] }] } }) }).plan().start()
  t.equal(site.is, 'running')
  site.plan({ selector: 'b1' })
  const found = refusal(site, {})
  t.equal(found?.code, 'conflict')
  t.match(found?.message, 'b1 is in r1, which is running')
})

t.test('who is left out', async (t) => {
  const rows: readonly (readonly [
    what: string,
    policy: RolloutPolicy,
    more: Partial<StartRequest>,
    runs: string,
    exit: number,
  ])[] = [
    ['nobody', staged, {}, 'a1 done, b1 done', 0],
    ['a stage', staged, { skipStages: ['rest'] }, 'a1 done, b1 skipped', 10],
    ['every stage', staged, { skipStages: ['canary', 'rest'] }, 'a1 skipped, b1 skipped', 10],
  ]
  for (const [what, policy, more, runs, exit] of rows) {
    const site = new Site({ policy }).plan().start(more)
    t.equal(site.runs, runs, what)
    t.equal(site.is, 'succeeded', what)
    t.equal(site.status.exit, exit, what)
  }
  const site = new Site({ policy: staged }).down('b1').plan().pass(20_000).start({ skipOffline: true })
  t.equal(site.runs, 'a1 done, b1 skipped', 'whoever is not there')
  const twice = new Site({ policy: policyOf({ ...staged, offline: 'skip' }) }).down('b1').plan().pass(20_000)
  t.equal(twice.start({ skipStages: ['rest'] }).runs, 'a1 done, b1 skipped', 'a stage of whom nobody is left')
})

t.test('a system that nobody knows is replaced where it was asked for', async (t) => {
  const site = new Site({ hosts: ['a1'] })
  site.manners.set('a1', ({ adopt }) => (adopt ? {} : { is: 'blocked', reason: 'drifted', blockers: [] }))
  site.plan()
  t.equal(refusal(site, { adopt: ['b9'] })?.code, 'blocked')
  site.start({ adopt: ['a1'] })
  t.equal(site.runs, 'a1 done')
  t.equal(site.run('a1').attempt, 2)
  const blocked = new Site({ hosts: ['a1'] })
  blocked.manners.set('a1', () => ({ is: 'blocked', reason: 'full', blockers: [] }))
  blocked.plan().start({ adopt: ['a1'] })
  t.equal(blocked.runs, 'a1 blocked', 'that was not what stood in the way')
  t.equal(blocked.is, 'succeeded')
  t.equal(blocked.status.exit, 10)
})

t.test('how it was asked for', async (t) => {
  const site = new Site({ hosts: ['a1', 'b1', 'c1'] }).plan()
  site.manners.set('a1', ({ want }) => (want === 'active' ? null : {}))
  site.start({ maxParallel: 1, drain: false, message: 'now' })
  t.equal(site.runs, 'a1 activating, b1 ready, c1 ready', 'one at a time, and without a drain')
  t.equal(site.rollout.message, 'now')
  t.equal(site.fleet.state.holds.size, 0)
})

t.test('nothing is started that cannot be kept', async (t) => {
  const site = new Site().plan()
  site.fleet.isFull = true
  t.equal(refusal(site, {})?.code, 'not-persisted')
  t.equal(site.is, 'planned')
})

t.test('a fleet that runs it already', async (t) => {
  const site = new Site()
  for (const host of ['a1', 'b1']) site.manners.set(host, () => ({ action: 'noop' }))
  site.plan().start()
  t.equal(site.runs, 'a1 noop, b1 noop')
  t.equal(site.is, 'succeeded')
  t.equal(site.status.exit, 0)
})
