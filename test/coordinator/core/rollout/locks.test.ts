import t from 'tap'
import type { Budget } from '../../../../protocol/rollout/policy.ts'
import { Site } from './site.ts'

const one: Budget = { select: '*', maxUnavailable: 1 }
const ask = (site: Site, id: string, group = 'any') => site.fleet.refusal({ type: 'lock-asked', id, group })

t.test('a lock is a slot of its budget', async (t) => {
  const site = new Site({ budgets: { any: one, few: { select: '@z', maxUnavailable: 1 } } })
  t.equal(ask(site, 'm1'), null)
  t.equal(ask(site, 'm1'), null, 'asked again it is the same')
  t.match(ask(site, 'm1', 'few')?.message, 'group any already')
  t.match(ask(site, 'm2'), { code: 'held', message: 'budget any: 1 of 1 out of service (m1)' })
  t.equal(ask(site, 'm2', 'few'), null, 'another budget')
  t.match(ask(site, 'm3', 'none'), { code: 'bad-request', message: 'there is: any, few' })
  site.send({ type: 'lock-released', id: 'm1', group: 'few' })
  t.ok(site.fleet.state.rollouts.locks.has('m1'), 'not that one')
  site.send({ type: 'lock-released', id: 'm1', group: 'any' })
  t.equal(ask(site, 'm3'), null)
  t.strictSame(
    site.fleet.saves.map(({ rollouts }) => rollouts?.locks).filter((locks) => locks !== undefined),
    [
      { put: [{ id: 'm1', group: 'any', sinceMs: 1_700_000_000_000 }], drop: [] },
      { put: [{ id: 'm2', group: 'few', sinceMs: 1_700_000_000_000 }], drop: [] },
      { put: [], drop: ['m1'] },
      { put: [{ id: 'm3', group: 'any', sinceMs: 1_700_000_000_000 }], drop: [] },
    ],
  )
})

t.test('a lock and the host of its name are one', async (t) => {
  const site = new Site({ budgets: { any: { select: '*', maxUnavailable: 2 } } })
  t.equal(ask(site, 'a1'), null)
  site.down('a1')
  t.equal(ask(site, 'm1'), null)
  t.equal(ask(site, 'm2')?.code, 'held')
})

t.test('a lock that cannot be kept is not given, nor taken back', async (t) => {
  const site = new Site({ budgets: { any: one } })
  site.fleet.isFull = true
  t.equal(ask(site, 'm1')?.code, 'not-persisted')
  site.fleet.isFull = false
  ask(site, 'm1')
  site.fleet.isFull = true
  t.equal(site.fleet.refusal({ type: 'lock-released', id: 'm1', group: 'any' })?.code, 'not-persisted')
  t.ok(site.fleet.state.rollouts.locks.has('m1'))
})
