import type { HealthProbe } from '../../protocol/rollout/policy.ts'
import { type Job, jobState, wants } from './job.ts'
import { arrivalOf, healthOf } from './job-health.ts'
import { missingOf } from './job-next.ts'
import type { AgentState } from './state.ts'

// What is to be watched for a job besides its files: all of it follows from the state.

/** Whether the units of the host are to be read along. */
export function wantsUnits(state: AgentState, job: Job): boolean {
  const has = job.sight !== null && arrivalOf(job.sight.results) !== null
  return has || missingOf(state, job).is === 'baseline'
}

/** It is on its way, so that it is looked at often; back where it was, until it is settled there. */
export function isMoving(state: AgentState, job: Job): boolean {
  const is = jobState(job)
  if (is === 'reverted' && healthOf(state, job)?.settled === false) return true
  const rests = is === 'reverted' || is === 'revert-failed' || is === 'committed' || is === 'blocked'
  return !rests || wants(job, 'forgotten')
}

/** The new system runs, as far as its switch tells. */
function isRunning({ sight }: Job): boolean {
  return sight?.results.exit?.ok === true && sight.results.revert === null
}

export interface WantedProbe {
  readonly job: string
  readonly name: string
  readonly probe: HealthProbe
}

/** Those that this host can ask itself; the others are the coordinator's. */
export function wantedProbes({ rebuilds }: AgentState): readonly WantedProbe[] {
  const running = [...(rebuilds?.jobs.values() ?? [])].filter(isRunning)
  return running.flatMap(({ record: { order } }) =>
    order.probes.filter(({ probe }) => isOurs(probe)).map((each) => ({ job: order.job, ...each })),
  )
}

function isOurs(probe: HealthProbe): boolean {
  return 'unit' in probe || ('from' in probe && probe.from === 'agent')
}

export interface WantedLog {
  readonly job: string
  readonly link: string
  readonly after: NonNullable<Job['log']>['after']
  /** What was found before is there to be told. */
  readonly hasPlan: boolean
  /** What the switch says: nothing before it began, then as it comes, in the end what there is. */
  readonly journal: 'none' | 'follow' | 'rest'
}

export function wantedLogs(state: AgentState): readonly WantedLog[] {
  const { rebuilds, links } = state
  return [...(rebuilds?.jobs.values() ?? [])].flatMap((job): WantedLog[] => {
    const { log, sight, record } = job
    if (log === null || !links.has(log.link)) return []
    const { order } = record
    const hasBegun = sight !== null && (sight.results.activation !== null || sight.results.revert !== null)
    const hasPlan = sight !== null && sight.results.prefetch !== null
    const journal = hasBegun ? (isMoving(state, job) ? 'follow' : 'rest') : 'none'
    return [{ job: order.job, ...log, hasPlan, journal }]
  })
}
