import type { JobRecord, JobResults } from '../../protocol/rebuild.ts'
import type { HelperAction } from '../../protocol/rebuild-units.ts'
import { type JobCommand, type JobState, jobWants } from '../../protocol/v2/job.ts'

/** Units of the host that say how it is. */
export interface UnitSight {
  readonly failed: readonly string[]
  /** Wait to be started again by systemd. */
  readonly restarting: readonly string[]
  /** How often systemd has started each again, where it ever did. */
  readonly restarts: readonly (readonly [unit: string, count: number])[]
}

/** What the host shows of one job: files, links and units, read at one instant. */
export interface JobSight {
  /** The last start of a helper that systemd had answered when this was read. */
  readonly round: number
  /** What systemd said where it refused that start. */
  readonly refused: string | null
  /** The helper keeps something of it. */
  readonly known: boolean
  /** What is under way: an action of the helper, the switch, or the way back. */
  readonly running: HelperAction | 'switch' | 'back' | null
  readonly results: JobResults
  readonly current: string | null
  readonly profile: string | null
  /** Milliseconds until the host goes back by itself. */
  readonly deadManMs: number | null
  /** Read only where `wantsUnits` says so. */
  readonly units: UnitSight | null
}

/** A unit that systemd starts again and again. */
export interface RestartCount {
  readonly count: number
  /** Of them since the activation. */
  readonly grown: number
  readonly grewAtMs: number
}

export interface Job {
  readonly record: JobRecord
  readonly sight: JobSight | null
  /** When it was last looked at, and when for the first time since this agent began. */
  readonly seenAtMs: number
  readonly firstSeenMs: number | null
  /** Counts the starts of the helper. */
  readonly round: number
  /** What it was last started for, until that has brought a result or none. */
  readonly asked: HelperAction | null
  /** A way back that failed is to be tried once more. */
  readonly again: boolean
  /** Starts in a row that brought no result. */
  readonly failures: number
  readonly againAtMs: number
  /** Why the last start brought nothing; empty where it did, or none was. */
  readonly trouble: string
  readonly restarts: ReadonlyMap<string, RestartCount> | null
  readonly probes: ReadonlyMap<string, { readonly ok: boolean; readonly reason: string }>
  /** Where its log goes to, and what has arrived there before. */
  readonly log: { readonly link: string; readonly after: JobCommand['logAfter'] } | null
}

export interface Rebuilds {
  readonly jobs: ReadonlyMap<string, Job>
  /** The last order that found no place. */
  readonly refused: { readonly job: string; readonly rollout: string; readonly reason: string } | null
}

export function newJob(record: JobRecord): Job {
  return {
    record,
    sight: null,
    seenAtMs: 0,
    firstSeenMs: null,
    again: false,
    round: 0,
    asked: null,
    failures: 0,
    againAtMs: 0,
    trouble: '',
    restarts: null,
    probes: new Map(),
    log: null,
  }
}

export function rankOf(want: JobCommand['want']): number {
  return jobWants.indexOf(want)
}

export function wants(job: Job, want: JobCommand['want']): boolean {
  return rankOf(job.record.order.want) >= rankOf(want)
}

/** The helper, or what goes back, is at it. The switch is not waited for: it may be the one to be taken back. */
export function isBusy({ running }: JobSight): boolean {
  return running !== null && running !== 'switch'
}

/** All of it follows from what the host shows. */
export function jobState({ sight, record, again }: Job): JobState {
  if (sight === null) return 'prefetching'
  const { prefetch, activation, exit, commit, revert } = sight.results
  const { want } = record.order
  if (revert?.ok === true) return 'reverted'
  if (revert !== null && !again && sight.running !== 'back') return 'revert-failed'
  if (
    sight.running === 'back' ||
    again ||
    want === 'reverted' ||
    (want === 'forgotten' && isUncommitted(sight.results))
  )
    return 'reverting'
  if (commit !== null) return commit.ok ? 'committed' : 'failed'
  if (exit !== null) {
    if (!exit.ok || sight.current !== prefetch?.system) return 'failed'
    return sight.running === 'commit' ? 'committing' : 'active'
  }
  if (activation !== null) return activation.kind === 'live' ? 'activating' : 'rebooting'
  if (prefetch === null) return 'prefetching'
  if (prefetch.blockers.length > 0) return 'blocked'
  return record.baseline === null ? 'prefetched' : 'baselined'
}

/** Something of it runs that is not yet to stay. */
export function isUncommitted({ activation, commit, revert }: JobResults): boolean {
  return activation !== null && commit?.ok !== true && revert === null
}
