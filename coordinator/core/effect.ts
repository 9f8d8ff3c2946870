import type { DrainAnswer, GateAnswer, TakeoverAnswer, UndrainAnswer } from '../../protocol/api.ts'
import type { Claim } from '../../protocol/authority.ts'
import type { GuardianError } from '../../protocol/errors.ts'
import type { RolloutEvent } from '../../protocol/rollout/api.ts'
import type { JobCommand } from '../../protocol/v2/job.ts'
import type { ClientMessage } from '../../protocol/v2.ts'
import type { FleetLock, HostRun, Rollout } from './rollout/state.ts'
import type { FleetHold, Superseded } from './state.ts'

/** Changes that must be durable, all or none, before anything of `next`. */
export interface FleetSave {
  readonly claim: Claim
  readonly superseded: Superseded | null
  readonly awaiting: readonly string[]
  readonly put: readonly FleetHold[]
  /** Removed from the holds and remembered for ever. */
  readonly release: readonly string[]
  readonly owedUndrain: readonly { readonly seat: string; readonly owed: boolean }[]
  /** Absent where no rollout changed. */
  readonly rollouts?: RolloutSave
}

/** What is durable of rollouts besides. Rows are replaced whole. */
export interface RolloutSave {
  readonly put: readonly Rollout[]
  readonly runs: readonly HostRun[]
  /** Rollouts of long ago, with their runs, events and logs. */
  readonly drop: readonly string[]
  /** Numbered by `seq`, which goes on from the highest of the store. */
  readonly events: readonly RolloutEvent[]
  readonly locks: { readonly put: readonly FleetLock[]; readonly drop: readonly string[] }
  readonly nextRollout: number
}

/** What a coordinator does, in the order given. */
export type FleetEffect =
  | { readonly type: 'send'; readonly host: string; readonly link: string; readonly message: ClientMessage }
  | { readonly type: 'send-v1'; readonly host: string; readonly link: string; readonly action: 'drain' | 'undrain' }
  | { readonly type: 'close'; readonly host: string; readonly link: string; readonly reason: string }
  | { readonly type: 'note'; readonly note: FleetNote }
  | { readonly type: 'send-job'; readonly host: string; readonly link: string; readonly command: JobOrder }
  /** Its end comes back as `hook-ended`; nobody asks for it twice. */
  | {
      readonly type: 'run-hook'
      readonly rollout: string
      readonly hook: string
      readonly run: readonly string[]
      readonly deadlineMs: number
    }
  /** A rollout has ended, or waits for a person since something went wrong. */
  | { readonly type: 'tell-outcome'; readonly rollout: string }
  /** Saved already; for the log and whoever follows. */
  | { readonly type: 'rollout-event'; readonly event: RolloutEvent }

/** Who sends it adds the last lines of the logs that it has. */
export type JobOrder = Omit<JobCommand, 'logAfter'>

/** What happened, for the log, the metrics and `/v1/events`. */
export type FleetNote =
  | {
      readonly what: 'hold-taken' | 'hold-adopted'
      readonly hold: string
      readonly owner: string
      readonly text: string
    }
  | { readonly what: 'hold-released' | 'hold-expired' | 'hold-narrowed'; readonly hold: string; readonly owner: string }
  | { readonly what: 'not-persisted'; readonly hold: string }
  | { readonly what: 'host-connected'; readonly host: string }
  | { readonly what: 'host-lost'; readonly host: string; readonly text: string }
  | {
      readonly what: 'target-changed'
      readonly host: string
      readonly target: string
      readonly from: string
      readonly to: string
    }
  | { readonly what: 'order-failed'; readonly host: string; readonly target: string; readonly text: string }
  | {
      readonly what: 'wave-started'
      readonly target: string
      readonly want: 'drained' | 'open'
      readonly wave: number
      readonly hosts: number
    }
  | { readonly what: 'resource-ready' | 'resource-lost'; readonly resource: string; readonly text: string }
  | { readonly what: 'gate-up' | 'gate-down'; readonly resource: string }
  | { readonly what: 'superseded'; readonly host: string; readonly text: string }
  | { readonly what: 'taken-over'; readonly text: string }

/** What the asker is told; an error where the store refused what only counts when it is durable. */
export type FleetAnswer =
  | DrainAnswer
  | UndrainAnswer
  | TakeoverAnswer
  | GateAnswer
  | RolloutAnswer
  | GuardianError
  | null

export interface RolloutAnswer {
  readonly rollout: string
}
