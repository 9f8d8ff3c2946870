import type { Claim } from '../../protocol/authority.ts'
import type { JobRecord } from '../../protocol/rebuild.ts'
import type { HelperAction } from '../../protocol/rebuild-units.ts'
import type { JobState, JobWant } from '../../protocol/v2/job.ts'
import type { AgentMessage } from '../../protocol/v2.ts'
import type { TargetRecord } from './state.ts'

/** What must be durable before anything of `next`. Written in this order: claim, then the record. */
export interface AgentSave {
  readonly seen: Claim | null
  /**
   * The adapter keeps the rule that no instant has an open door: a marker is written before `opening` is cleared,
   * and `opening` before a marker is removed.
   */
  readonly record: { readonly target: string; readonly record: TargetRecord } | null
  /** null removes what was kept of a job. Absent where none changed. */
  readonly job?: JobSave
}

export interface JobSave {
  readonly job: string
  readonly record: JobRecord | null
}

/** What an agent does, in the order given. */
export type AgentEffect =
  | { readonly type: 'send'; readonly link: string; readonly message: AgentMessage }
  | {
      readonly type: 'send-v1'
      readonly link: string
      readonly action: 'drain' | 'undrain'
      readonly ok: boolean
      readonly text: string
    }
  /** After what was sent on it before. */
  | { readonly type: 'close'; readonly link: string; readonly code: number }
  /** The report of the present state to every coordinator link; many in a row may be sent as one. */
  | { readonly type: 'report' }
  /** Fix the set of dependents, subscribe, then StopUnit in mode replace-irreversibly; views from then on have `round`. */
  | { readonly type: 'stop'; readonly target: string; readonly round: number }
  /** ResetFailedUnit of each failed dependent, then StartUnit. */
  | { readonly type: 'start'; readonly target: string }
  | { readonly type: 'tell-open'; readonly asker: string; readonly target: string }
  /** Start the root helper for an action; looks at the job from then on have `round`. Never two at once. */
  | { readonly type: 'helper'; readonly job: string; readonly action: HelperAction; readonly round: number }
  | { readonly type: 'note'; readonly note: AgentNote }

/** What happened, for the log and the metrics. */
export type AgentNote =
  | {
      readonly what: 'hold-taken'
      readonly target: string
      readonly hold: string
      readonly owner: string
      readonly text: string
    }
  | { readonly what: 'hold-released'; readonly target: string; readonly hold: string; readonly owner: string }
  | { readonly what: 'drain-started'; readonly target: string }
  | { readonly what: 'drained'; readonly target: string; readonly failed: readonly string[] }
  | { readonly what: 'opening-started'; readonly target: string }
  | { readonly what: 'opened'; readonly target: string; readonly failed: readonly string[] }
  | {
      readonly what: 'deadline-passed'
      readonly target: string
      readonly want: 'drained' | 'open'
      readonly units: readonly string[]
    }
  | { readonly what: 'breached'; readonly target: string; readonly units: readonly string[] }
  | { readonly what: 'drifted'; readonly target: string }
  | { readonly what: 'not-persisted'; readonly target: string }
  | {
      readonly what: 'refused'
      readonly link: string
      readonly code: 'superseded' | 'stale' | 'unknown-target' | 'bad-message'
    }
  | { readonly what: 'claim-accepted'; readonly epoch: number; readonly instance: string }
  | { readonly what: 'v1-used'; readonly action: 'drain' | 'undrain' }
  | { readonly what: 'job-ordered'; readonly job: string; readonly rollout: string; readonly want: JobWant }
  | { readonly what: 'job-refused'; readonly job: string; readonly rollout: string }
  | { readonly what: 'job-asked'; readonly job: string; readonly action: HelperAction }
  | { readonly what: 'job-turned'; readonly job: string; readonly is: JobState; readonly reason: string }
  | { readonly what: 'job-forgotten'; readonly job: string }
