import t from 'tap'
import { budgetStatuses, outOfService } from '../../../../coordinator/core/rollout/budgets.ts'
import type { Budget } from '../../../../protocol/rollout/policy.ts'
import { specOf } from '../shapes.ts'
import { newSystem, Site, well } from './site.ts'

const said = { operator: 'ada', message: '' }
const one: Budget = { select: '*', maxUnavailable: 1 }
const operators = (selector: string) => ({ id: 'f'.repeat(32), selector, operator: 'eve', message: '', dryRun: false })
const out = (site: Site) => [...outOfService(site.fleet.state)].sort().join()

/** No host gets further than to its switch. */
function standing(budgets: Record<string, Budget>, hosts = ['a1', 'a2', 'b1', 'b2']): Site {
  const site = new Site({ hosts, budgets })
  for (const host of hosts) site.manners.set(host, ({ want }) => (want === 'active' ? null : {}))
  return site
}

t.test('every budget that a host belongs to has to have room', async (t) => {
  const rows: readonly (readonly [what: string, budgets: Record<string, Budget>, begun: string])[] = [
    ['none is configured', {}, 'a1'],
    ['one at a time', { any: one }, 'a1'],
    ['two at a time', { any: { select: '*', maxUnavailable: 2 } }, 'a1,a2'],
    ['one of each kind', { a: { select: '@a', maxUnavailable: 1 }, b: { select: '@b', maxUnavailable: 1 } }, 'a1,b1'],
    ['one of a kind, others as they like', { a: { select: '@a', maxUnavailable: 1 } }, 'a1,b1,b2'],
    ['a share, rounded down', { any: { select: '*', maxUnavailable: '74%' } }, 'a1,a2'],
    ['a share of all', { any: { select: '*', maxUnavailable: '100%' } }, 'a1,a2,b1,b2'],
    ['a small share is one at least', { any: { select: '*', maxUnavailable: '1%' } }, 'a1'],
    ['a host of two', { any: { select: '*', maxUnavailable: 3 }, a: { select: 'a?', maxUnavailable: 1 } }, 'a1,b1,b2'],
    ['for nobody here', { z: { select: '@z', maxUnavailable: 1 } }, 'a1,a2,b1,b2'],
  ]
  for (const [what, budgets, begun] of rows) {
    const site = standing(budgets).plan().start()
    t.equal(out(site), begun, what)
    const waiting = site.status.hosts.find(({ is }) => is === 'waiting')
    if (waiting !== undefined) t.match(waiting.reason, /^budget \w+: \d of \d out of service \(/, what)
  }
})

t.test('whatever takes a host out of service counts', async (t) => {
  const v1 = specOf('v1', { protocol: 'v1', tags: ['b'] })
  const rows: readonly (readonly [what: string, happen: (site: Site) => void])[] = [
    ['a drain by somebody', (site) => site.send({ type: 'drain-asked', request: operators('b1') })],
    ['no link', (site) => site.down('b1')],
    ['not open by itself', (site) => site.fleet.report('b1')],
    [
      'another rollout',
      (site) => {
        site.plan({ selector: 'b1' }).start()
        t.equal(site.run('b1').now.is, 'activating')
      },
    ],
    ['a lock', (site) => site.send({ type: 'lock-asked', id: 'machine', group: 'any' })],
    [
      'an IO Guardian server that is gone',
      (site) => {
        const { plan } = site.fleet.state
        site.send({ type: 'configured', plan: { ...plan, hosts: new Map([...plan.hosts, ['v1', v1]]) } })
      },
    ],
  ]
  for (const [what, happen] of rows) {
    const site = standing({ any: one })
    const isReport = what.startsWith('not open')
    if (isReport) {
      site.machine('b1').holds = []
      site.machine('b1').isStuck = true
    }
    happen(site)
    if (isReport)
      site.fleet.tell('b1', {
        type: 'report',
        seen: null,
        probes: [],
        jobs: [],
        targets: [
          {
            ...{
              target: 'db',
              is: 'drifted',
              holds: [],
              durable: true,
              allowed: true,
              dependents: [],
              dependentsLeftOut: 0,
            },
            ...{ waitingFor: '', failed: [], breaches: 0 },
          },
        ],
      })
    site.settle().plan({ selector: 'a1' }).start()
    t.equal(site.runs, 'a1 waiting', what)
    t.match(site.run('a1').reason, '1 of 1 out of service', what)
  }
})

t.test('an IO Guardian server counts while it is owed an undrain', async (t) => {
  const site = standing({ any: one }, ['a1'])
  const { plan } = site.fleet.state
  const v1 = specOf('v1', { protocol: 'v1' })
  site.send({ type: 'configured', plan: { ...plan, hosts: new Map([...plan.hosts, ['v1', v1]]) } })
  site.fleet.upV1('v1')
  t.equal(out(site), '')
  site.fleet.state = { ...site.fleet.state, owedUndrain: new Set(['v1/db']) }
  t.equal(out(site), 'v1')
})

t.test('a host that is out of service already costs nothing and goes first', async (t) => {
  const site = standing({ any: one })
  site.send({ type: 'drain-asked', request: operators('b2') })
  site.settle().plan().start()
  t.equal(site.runs, 'a1 waiting, a2 waiting, b1 waiting, b2 activating')
  t.strictSame(budgetStatuses(site.fleet.state), [{ name: 'any', unavailable: ['b2'], max: 1 }])
})

t.test('a host that is held by a gate waits for its database', async (t) => {
  const plan = { resources: new Map([['pg', { name: 'pg', gate: { limitMs: 1_000 }, probed: false, units: [] }]]) }
  const site = new Site({ hosts: ['a1'], plan })
  site.fleet.gate('up', 1)
  site.plan()
  site.send({ type: 'gate-read', resource: 'pg', gate: { is: 'down', seq: 2, bootId: 'b'.repeat(32) } })
  site.settle().start()
  t.equal(site.runs, 'a1 waiting')
  t.match(site.run('a1').reason, 'pg is down or in maintenance')
  site.send({ type: 'gate-read', resource: 'pg', gate: { is: 'up', seq: 3, bootId: 'b'.repeat(32) } })
  t.equal(site.settle().runs, 'a1 done')
})

t.test('a slot is freed by what is seen, or by a person who answers for it', async (t) => {
  const site = standing({ any: one }, ['a1', 'a2']).plan()
  site.manners.set('a1', ({ want }) =>
    want === 'active' ? { is: 'failed' } : want === 'reverted' ? { is: 'revert-failed', reason: 'no' } : {},
  )
  site.start()
  t.equal(site.runs, 'a1 revert-failed, a2 waiting')
  site.pass(1_000_000_000)
  t.equal(out(site), 'a1')
  site.order({ verb: 'resume', ...said })
  t.equal(site.runs, 'a1 revert-failed, a2 waiting')
  site.order({ verb: 'release', host: 'a1', operator: 'ada', message: 'it is scrap' })
  t.equal(site.runs, 'a1 revert-failed, a2 activating')
  t.equal(out(site), 'a2', 'it does not count')
  t.ok(site.events.some(({ type, host }) => type === 'slot.released' && host === 'a1'))
  site.set('a2', { is: 'active', current: newSystem, health: well })
  t.equal(site.is, 'failed')
  t.equal(out(site), '', 'nor after the end')
  site.plan({ selector: 'a1' })
  t.equal(out(site), 'a1', 'a later rollout knows better')
})

t.test('a host that was silent and speaks counts again', async (t) => {
  const site = standing({ any: one }, ['a1', 'a2']).plan().start()
  site.down('a1').pass(100 * 60_000)
  t.equal(site.run('a1').now.is, 'lost')
  site.order({ verb: 'release', host: 'a1', ...said }).order({ verb: 'release', host: 'a1', ...said })
  site.order({ verb: 'resume', ...said })
  t.equal(site.runs, 'a1 lost, a2 activating')
  site.manners.set('a1', ({ want }) => (want === 'reverted' ? null : {}))
  site.back('a1')
  t.equal(site.run('a1').now.is, 'reverting')
  t.equal(out(site), 'a1,a2')
})
