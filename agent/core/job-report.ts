import { asMessage } from '../../protocol/names.ts'
import type { JobReport } from '../../protocol/v2/job.ts'
import { type Job, jobState } from './job.ts'
import { healthOf } from './job-health.ts'
import type { AgentState } from './state.ts'

/** Keeps as many items of a list as a frame has room for. */
export type FitJob = <Item>(items: readonly Item[]) => Item[]

/** Every job, and the one that found no place. */
export function jobReports(state: AgentState, fit: FitJob = (items) => [...items]): readonly JobReport[] {
  const { jobs = new Map<string, Job>(), refused = null } = state.rebuilds ?? {}
  const told = [...jobs.values()].map((job) => reportOfJob(state, job, fit))
  if (refused === null) return told
  const { job, rollout, reason } = refused
  return [...told, { ...unseen(state), job, rollout, is: 'blocked', reason, blockers: [reason] }]
}

function reportOfJob(state: AgentState, job: Job, fit: FitJob): JobReport {
  const { sight, record } = job
  const { rollout, job: id } = record.order
  const base = { ...unseen(state), job: id, rollout, is: jobState(job), reason: asMessage(reasonOf(job)) }
  if (sight === null) return base
  const { prefetch, exit } = sight.results
  const health = healthOf(state, job)
  return {
    ...base,
    ...(prefetch === null ? {} : planOf(prefetch, fit)),
    current: sight.current,
    profile: sight.profile,
    baselineBootId: record.baseline?.bootId ?? null,
    exit: exit?.exit ?? null,
    deadManMs: sight.deadManMs,
    health:
      health === null
        ? null
        : {
            settled: health.settled,
            failed: fit(health.failed),
            looping: fit(health.looping),
            missing: fit(health.missing),
            probes: fit(health.probes),
          },
  }
}

type Prefetch = NonNullable<NonNullable<Job['sight']>['results']['prefetch']>

function planOf(prefetch: Prefetch, fit: FitJob) {
  const { system, previous, action, rebootReasons, bootOnce, touches, blockers } = prefetch
  const lists = { rebootReasons: fit(rebootReasons), touches: fit(touches), blockers: fit(blockers) }
  return { system, previous, action, bootOnce, ...lists }
}

function unseen({ bootId }: AgentState) {
  return {
    blockers: [],
    action: null,
    rebootReasons: [],
    bootOnce: false,
    touches: [],
    system: null,
    previous: null,
    current: null,
    profile: null,
    bootId,
    baselineBootId: null,
    exit: null,
    deadManMs: null,
    health: null,
  } satisfies Partial<JobReport>
}

/** For a person. */
export function reasonOf(job: Job): string {
  const results = job.sight?.results
  const is = jobState(job)
  switch (is) {
    case 'reverted':
    case 'revert-failed':
      return results?.revert?.reason ?? ''
    case 'failed':
      return failureOf(job)
    case 'blocked':
      return results?.prefetch?.blockers[0] ?? ''
    case 'active':
    case 'committed':
      return job.trouble === '' ? (results?.exit?.reason ?? '') : job.trouble
    case 'prefetching':
    case 'prefetched':
    case 'baselined':
    case 'activating':
    case 'rebooting':
    case 'committing':
    case 'reverting':
      return job.trouble
    default:
      return is satisfies never
  }
}

function failureOf({ sight }: Job): string {
  const { commit, exit } = sight?.results ?? {}
  if (commit?.ok === false) return commit.reason
  if (exit?.ok === false) return exit.reason
  return `another system runs: ${sight?.current ?? 'none that is known'}`
}
