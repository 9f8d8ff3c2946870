import type { Claim } from '../../protocol/authority.ts'
import type { Hold } from '../../protocol/hold.ts'
import type { ActiveState } from '../../protocol/v2/report.ts'
import type { Rebuilds } from './job.ts'

/** What a target is and may do, from the configuration. Spans are milliseconds. */
export interface TargetSpec {
  readonly name: string
  readonly unit: string
  /** Resources with a probe on this host that must be ready before the target opens. */
  readonly needs: readonly string[]
  /** Start the target again when somebody else stopped it. */
  readonly enforce: boolean
  /** Dependents whose left-over processes do not keep a drain waiting. */
  readonly allowLeftovers: readonly string[]
}

export interface Policy {
  readonly host: string
  readonly build: string
  readonly expectCoordinator: boolean
  /** How long a target without a decision waits for its coordinator; null waits for ever. */
  readonly bootWithoutCoordinatorMs: number | null
  readonly onCoordinatorLost: 'keep' | 'probe'
  readonly lostAfterMs: number
}

export interface UnitView {
  readonly unit: string
  readonly active: ActiveState
  /** The job that systemd has queued or runs for it. */
  readonly job: 'none' | 'start' | 'stop' | 'other'
  /** Processes in its cgroup. */
  readonly processes: number
}

export interface DependentView extends UnitView {
  readonly guarded: boolean
  /** The target's own start starts it too. */
  readonly wanted: boolean
}

/** What systemd shows of one target. `round` is the last stop whose set of dependents was fixed before it was sent. */
export interface TargetView {
  readonly round: number
  readonly target: UnitView
  readonly dependents: readonly DependentView[]
}

/** The decision of one boot to open: `opening` until it was seen active. */
export interface Opening {
  readonly bootId: string
  readonly is: 'opening' | 'open'
}

/** What the state directory holds for one target. An empty marker means: wants open, not yet allowed. */
export interface TargetRecord {
  readonly marker: readonly Hold[] | null
  readonly opening: Opening | null
}

export type Work =
  | { readonly is: 'rest' }
  /** `unseen` counts the stops in a row that no view has followed. */
  | { readonly is: 'stopping'; readonly sinceMs: number; readonly unseen: number }
  | { readonly is: 'starting'; readonly attempt: number; readonly againAtMs: number }

/** Somebody who waits for the outcome of an order. */
export interface Waiter {
  readonly via: 'v1' | 'v2'
  readonly link: string
  readonly command: string
  readonly want: 'drained' | 'open'
  readonly deadlineMs: number
  /** When it is next told which units it waits for. */
  readonly progressAtMs: number
}

export interface Duty {
  readonly spec: TargetSpec
  readonly record: TargetRecord
  /** False while `record` is only in memory: the disk refused it. */
  readonly durable: boolean
  /** Somebody with authority said that it may open; forgotten with the next hold. */
  readonly allowed: boolean
  readonly undecidedSinceMs: number
  readonly work: Work
  readonly round: number
  readonly view: TargetView | null
  readonly drifted: boolean
  readonly breaches: number
  readonly waiters: readonly Waiter[]
}

export interface ProbeState {
  readonly ok: boolean
  readonly reason: string
  /** Since when it has been so without a break. */
  readonly sinceMs: number
}

export type Role = 'coordinator' | 'gate' | 'direct' | 'v1'

export interface Link {
  readonly id: string
  readonly role: Role
}

/** When this host last drained itself, and how long it then waits. */
export interface SelfDrain {
  readonly count: number
  readonly lastAtMs: number
}

export interface AgentState {
  readonly policy: Policy
  readonly bootId: string
  /** The highest claim accepted. */
  readonly seen: Claim | null
  /** What the disk knows of `seen`: behind it while the disk is full. */
  readonly kept: Claim | null
  readonly duties: ReadonlyMap<string, Duty>
  readonly links: ReadonlyMap<string, Link>
  /** Clock of the last word from a coordinator that was accepted. */
  readonly coordinatorHeardMs: number
  readonly probes: ReadonlyMap<string, ProbeState>
  readonly selfDrain: SelfDrain
  /** null where this host takes no rebuilds. */
  readonly rebuilds: Rebuilds | null
  /** Local processes (`guardian wait`) that ask whether a target may open. */
  readonly askers: readonly { readonly asker: string; readonly target: string }[]
}
