import type { Claim } from '../../protocol/authority.ts'
import type { RolloutEvent, RolloutLogLine } from '../../protocol/rollout/api.ts'
import type { JobLog, LogStream } from '../../protocol/v2/job.ts'
import type { FleetSave } from '../core/effect.ts'
import type { StoredRollouts } from '../core/rollout/begin.ts'
import type { FleetHold, Superseded } from '../core/state.ts'

/** What a store knows when it is opened; its epoch is already that of this start. */
export interface Loaded {
  readonly claim: Claim
  readonly superseded: Superseded | null
  readonly awaiting: ReadonlySet<string>
  readonly holds: ReadonlyMap<string, FleetHold>
  readonly released: ReadonlySet<string>
  readonly owedUndrain: ReadonlySet<string>
  readonly rollouts: StoredRollouts
}

/** Where a coordinator keeps what it must not forget. */
export interface StateStore {
  readonly loaded: Loaded
  readonly history: RolloutHistory
  /** Durable when it returns. @throws GuardianError `not-persisted` and nothing of it is kept */
  commit(save: FleetSave): void
  close(): void
}

/** What happened in rollouts and what their jobs wrote: too much to be kept in memory. Numbers rise, oldest first. */
export interface RolloutHistory {
  events(rollout: string, after: number, limit: number): readonly RolloutEvent[]
  /** The last of one host, in whatever rollout. */
  eventsOfHost(host: string, limit: number): readonly RolloutEvent[]
  lines(query: LinesQuery): readonly RolloutLogLine[]
  /** Of the last line that is kept; null where none is. */
  lastCursor(job: string, stream: LogStream): string | null
  /** Keeps what is new of them and says how many that were. @throws GuardianError `not-persisted` */
  keepLines(rollout: string, host: string, log: JobLog): number
  /** What is kept within is durable together. @throws GuardianError `not-persisted` */
  together(work: () => void): void
}

export interface LinesQuery {
  readonly rollout: string
  readonly host: string | null
  readonly stream: LogStream | null
  readonly after: number
  readonly limit: number
  /** Only the last so many of them; null for the first up to `limit`. */
  readonly last: number | null
}
