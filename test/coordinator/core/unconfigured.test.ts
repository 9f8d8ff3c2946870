import t from 'tap'
import { isGone, linkOf, withLink, withSeat } from '../../../coordinator/core/links.ts'
import { drainProgress } from '../../../coordinator/core/progress.ts'
import { reconcileOne } from '../../../coordinator/core/reconcile.ts'
import { fleetStatus } from '../../../coordinator/core/status.ts'
import { Table } from '../../../coordinator/core/table.ts'
import { isGateUp, seatOf, targetPlan, targetsOf, unready } from '../../../coordinator/core/wanted.ts'
import { isTurn, leaveWave, rank } from '../../../coordinator/core/waves.ts'
import { Fleet, openFleet } from './scene.ts'
import { claim, fleetHold, planOf, resourceOf, targetOf } from './shapes.ts'

// A name that stands in a hold, a link or a request, and in no configuration any more.

t.test('a host', async (t) => {
  const { state, nowMs } = openFleet()
  t.strictSame(targetsOf(state, 'z1'), [])
  t.equal(linkOf(undefined), null)
  t.equal(isGone(undefined, 1, 0), true)
  t.equal(seatOf(undefined, 'db').report, null)
  t.equal(withLink(state, 'z1', { is: 'down', sinceMs: 0, reason: '' }), state)
  t.equal(withSeat(state, 'z1', 'db', { report: null }), state)
  t.strictSame(reconcileOne(state, 'z1', nowMs), { state, effects: [] })
})

t.test('a target', async (t) => {
  const { state, nowMs } = openFleet()
  t.match(targetPlan(state, 'zz'), { needs: [], waves: [], drainLimitMs: 0, undrainLimitMs: 0 })
  t.equal(rank(state, 'zz', 'a1', 'drain'), 0)
  t.equal(isTurn(state, 'zz', 'a1', 'drain', nowMs), true)
  t.strictSame(leaveWave(state, 'zz', 'a1', nowMs), { state, isOver: false })
})

t.test('a resource keeps shut what needs it only if it is probed', async (t) => {
  const { state } = openFleet({
    plan: planOf({
      targets: [targetOf('db', { needs: ['zz', 'pg'] })],
      resources: [resourceOf('pg', { probed: true })],
    }),
  })
  t.strictSame(unready(state, 'db'), ['pg: not probed yet'])
  t.equal(isGateUp(state, 'zz'), false)
})

t.test('what is configured and not known yet is neither ready, nor up, nor connected', async (t) => {
  const plan = planOf({ resources: [resourceOf('pg', { probed: true, gate: { limitMs: 1 } })] })
  const fleet = new Fleet({ plan, holds: [fleetHold('x1')] })
  fleet.state = { ...fleet.state, hosts: Table.of(), resources: new Map() }
  t.strictSame(unready(fleet.state, 'db'), ['pg: not probed yet'])
  t.equal(isGateUp(fleet.state, 'pg'), false)
  t.match(drainProgress(fleet.state, 'x1', fleet.nowMs).hosts[0], { is: 'unreachable', reason: 'not configured' })
  const status = fleetStatus(fleet.state, fleet.nowMs, 0)
  t.match(status.hosts[0], { connected: false, sinceMs: 0, reason: '' })
  t.match(status.resources[0], { ready: false, sinceMs: 0, reason: '', gate: 'down' })
  t.match(fleet.refusal({ type: 'gate-read', resource: 'pg', gate: null }), { code: 'not-local' })
})

t.test('a claim that nobody can have reached, told where there is no link to end', async (t) => {
  const fleet = new Fleet()
  fleet.outrank('a1', { ...claim, epoch: Number.MAX_SAFE_INTEGER })
  t.strictSame(fleet.effects, [])
  t.equal(fleet.state.superseded, null)
})
