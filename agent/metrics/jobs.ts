import { Gauge, type Registry } from '../../daemon/metrics.ts'
import { jobStates } from '../../protocol/v2/job.ts'
import { type Job, jobState } from '../core/job.ts'
import type { AgentState } from '../core/state.ts'

/** The rebuilds of this host; only where it takes any. */
export function showJobs(registry: Registry, state: () => AgentState): void {
  const registers = [registry]
  const jobs = (): readonly Job[] => [...(state().rebuilds?.jobs.values() ?? [])]
  new Gauge({
    name: 'guardian_jobs',
    help: 'Rebuilds of this host by state; only where it takes any.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const is of jobStates) this.set({ state: is }, jobs().filter((job) => jobState(job) === is).length)
    },
  })
  new Gauge({
    name: 'guardian_job_dead_man_seconds',
    help: 'Until the host goes back by itself, as it was last seen; 0 where it will not.',
    registers,
    collect() {
      const left = jobs().flatMap(({ sight }) => sight?.deadManMs ?? [])
      this.set((left.length === 0 ? 0 : Math.min(...left)) / 1_000)
    },
  })
}
