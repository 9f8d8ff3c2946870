import { Gauge, type Registry } from '../../daemon/metrics.ts'
import { rolloutStates } from '../../protocol/rollout/api.ts'
import type { JobReport } from '../../protocol/v2/job.ts'
import { budgetStatuses } from '../core/rollout/budgets.ts'
import { isEnded } from '../core/rollout/kinds.ts'
import type { Rollout } from '../core/rollout/state.ts'
import type { FleetState } from '../core/state.ts'

/** How rollouts and the hosts in them are, and what the budgets leave. */
export function addRolloutMetrics(registry: Registry, read: () => FleetState): void {
  const registers = [registry]
  new Gauge({
    name: 'guardian_rollout_state',
    help: 'State of the latest rollout of a policy.',
    labelNames: ['policy', 'state'],
    registers,
    collect() {
      this.reset()
      for (const { policyName: policy, now } of latest(read()).values()) {
        for (const state of rolloutStates) this.set({ policy, state }, state === now.is ? 1 : 0)
      }
    },
  })
  new Gauge({
    name: 'guardian_rollout_host_state',
    help: 'The one state that a host of a rollout that has not ended is in.',
    labelNames: ['host', 'state'],
    registers,
    collect() {
      const { rollouts } = read()
      this.reset()
      for (const rollout of rollouts.all.values()) {
        if (isEnded(rollout)) continue
        for (const { host, now } of rollouts.runs.get(rollout.id)?.values() ?? []) this.set({ host, state: now.is }, 1)
      }
    },
  })
  addBudgetMetrics(registry, read)
  addSystemMetrics(registry, read)
}

function latest({ rollouts }: FleetState): ReadonlyMap<string, Rollout> {
  return new Map([...rollouts.all.values()].map((rollout) => [rollout.policyName, rollout]))
}

function addBudgetMetrics(registry: Registry, read: () => FleetState): void {
  const registers = [registry]
  new Gauge({
    name: 'guardian_unavailable',
    help: 'Hosts of a budget that are out of service, whatever the cause, and machines that hold its lock.',
    labelNames: ['budget'],
    registers,
    collect() {
      this.reset()
      for (const { name: budget, unavailable } of budgetStatuses(read())) this.set({ budget }, unavailable.length)
    },
  })
  new Gauge({
    name: 'guardian_unavailable_max',
    help: 'So many of a budget may be out of service for a rollout to take another.',
    labelNames: ['budget'],
    registers,
    collect() {
      this.reset()
      for (const { name: budget, max } of budgetStatuses(read())) this.set({ budget }, max)
    },
  })
}

/** What the job that a host reports first knows of its system; hosts without a job have no series. */
function addSystemMetrics(registry: Registry, read: () => FleetState): void {
  const registers = [registry]
  function* jobs(): Generator<readonly [host: string, job: JobReport]> {
    for (const [host, { jobs: reported }] of read().hosts) {
      const [job] = reported ?? []
      if (job !== undefined) yield [host, job]
    }
  }
  new Gauge({
    name: 'guardian_host_current_system_info',
    help: 'Always 1; the label says which system the host runs, as far as its last rebuild knows.',
    labelNames: ['host', 'system'],
    registers,
    collect() {
      this.reset()
      for (const [host, { current }] of jobs()) if (current !== null) this.set({ host, system: current }, 1)
    },
  })
  new Gauge({
    name: 'guardian_host_needs_reboot',
    help: '1 where the system that a rollout brings needs a reboot that has not been.',
    labelNames: ['host'],
    registers,
    collect() {
      this.reset()
      for (const [host, { action, current, system }] of jobs()) {
        this.set({ host }, action === 'reboot' && current !== system ? 1 : 0)
      }
    },
  })
  new Gauge({
    name: 'guardian_host_drifted',
    help: '1 where the host runs neither what its last rebuild began from nor what it brought.',
    labelNames: ['host'],
    registers,
    collect() {
      this.reset()
      for (const [host, { current, system, previous }] of jobs()) {
        this.set({ host }, current !== null && current !== system && current !== previous ? 1 : 0)
      }
    },
  })
}
