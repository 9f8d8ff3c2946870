import t from 'tap'
import { beginRollouts } from '../../../coordinator/core/rollout/begin.ts'
import type { FleetState } from '../../../coordinator/core/state.ts'
import { Table } from '../../../coordinator/core/table.ts'
import { addRolloutMetrics } from '../../../coordinator/metrics/rollouts.ts'
import { Registry } from '../../../daemon/metrics.ts'
import { rolloutStates } from '../../../protocol/rollout/api.ts'
import type { JobReport } from '../../../protocol/v2/job.ts'
import { aRollout, aRun, systemA, systemB } from '../adapters/rollout-samples.ts'
import { aFleet, aPlan } from '../http/api-parts.ts'

const names = ['web1', 'web2', 'web3', 'web4']

function aJob(part: Partial<JobReport>): JobReport {
  const none = { blockers: [], rebootReasons: [], touches: [], exit: null, deadManMs: null, health: null }
  const boots = { bootId: 'e'.repeat(32), baselineBootId: null, bootOnce: true, reason: '' }
  const paths = { system: systemB, previous: systemA, current: systemA, profile: systemA }
  return { job: 'f'.repeat(32), rollout: 'r2', is: 'prefetched', action: 'live', ...none, ...boots, ...paths, ...part }
}

/** A rollout that has ended, and a paused one after it. */
function aState(): FleetState {
  const rollouts = [
    aRollout({ now: { is: 'succeeded' } }),
    aRollout({ id: 'r2', request: '2', now: { is: 'paused', was: 'running', by: 'failure' } }),
  ]
  const runs = [
    aRun({ host: 'web1', now: { is: 'done' } }),
    aRun({ rollout: 'r2', host: 'web2', now: { is: 'revert-failed' } }),
    aRun({ rollout: 'r2', host: 'web3', now: { is: 'ready' } }),
  ]
  const locks = [{ id: 'coreos-1', group: 'some', sinceMs: 1 }]
  const stored = { rollouts, runs, locks, nextRollout: 3, nextEvent: 1 }
  const budgets = new Map([
    ['some', { select: 'web1,web2', maxUnavailable: 1 }],
    ['any', { select: '*', maxUnavailable: '50%' }],
  ])
  const plan = { ...aPlan(names), rebuilds: { policies: new Map(), budgets, self: null } }
  const { state } = aFleet({ plan, state: { rollouts: beginRollouts(stored) } }).loop
  const jobs: Readonly<Record<string, readonly JobReport[] | null>> = {
    web1: [aJob({ action: 'reboot' })],
    web2: [aJob({ action: 'reboot', current: systemB })],
    web3: [aJob({ current: `${systemA}-by-hand` })],
    web4: null,
  }
  const hosts = [...state.hosts].map(([name, host]) => [name, { ...host, jobs: jobs[name] ?? null }] as const)
  return { ...state, hosts: Table.of(hosts) }
}

t.test('rollouts, budgets and systems', async (t) => {
  const registry = new Registry()
  const state = aState()
  addRolloutMetrics(registry, () => state)
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith('guardian_'))
  const states = lines.filter((line) => line.startsWith('guardian_rollout_state'))
  t.equal(states.length, rolloutStates.length, 'one policy, its latest rollout')
  t.strictSame(
    new Set(lines.filter((line) => !line.startsWith('guardian_rollout_state') || line.endsWith(' 1'))),
    new Set([
      'guardian_rollout_state{policy="default",state="paused"} 1',
      'guardian_rollout_host_state{host="web2",state="revert-failed"} 1',
      'guardian_rollout_host_state{host="web3",state="ready"} 1',
      // No link is up, so every host is out of service.
      'guardian_unavailable{budget="some"} 3',
      'guardian_unavailable{budget="any"} 4',
      'guardian_unavailable_max{budget="some"} 1',
      'guardian_unavailable_max{budget="any"} 2',
      `guardian_host_current_system_info{host="web1",system="${systemA}"} 1`,
      `guardian_host_current_system_info{host="web2",system="${systemB}"} 1`,
      `guardian_host_current_system_info{host="web3",system="${systemA}-by-hand"} 1`,
      'guardian_host_needs_reboot{host="web1"} 1',
      'guardian_host_needs_reboot{host="web2"} 0',
      'guardian_host_needs_reboot{host="web3"} 0',
      'guardian_host_drifted{host="web1"} 0',
      'guardian_host_drifted{host="web2"} 0',
      'guardian_host_drifted{host="web3"} 1',
    ]),
  )
})
