import type { Claim } from '../../protocol/authority.ts'
import type { Owner } from '../../protocol/hold.ts'
import type { V1Action } from '../../protocol/v1.ts'
import type { JobReport } from '../../protocol/v2/job.ts'
import type { TargetReport } from '../../protocol/v2/report.ts'
import type { RebuildPlan, Rollouts } from './rollout/state.ts'
import type { Table } from './table.ts'

// What the operator configured. Spans are milliseconds.

export interface HostSpec {
  readonly name: string
  readonly address: string
  readonly tags: readonly string[]
  readonly protocol: 'v1' | 'v2'
  readonly targets: readonly string[]
}

export interface TargetPlan {
  readonly name: string
  readonly needs: readonly string[]
  /** Selectors of the waves in drain order; a host in none is in the last one. */
  readonly waves: readonly string[]
  readonly drainLimitMs: number
  readonly undrainLimitMs: number
}

export interface ResourcePlan {
  readonly name: string
  /** The gate of this resource is on this host; null where it has none. */
  readonly gate: { readonly limitMs: number } | null
  readonly probed: boolean
  /** Units of this host that hold its data: a rebuild that touches one stops it. */
  readonly units: readonly string[]
}

export interface FleetPlan {
  readonly hosts: ReadonlyMap<string, HostSpec>
  readonly targets: ReadonlyMap<string, TargetPlan>
  readonly resources: ReadonlyMap<string, ResourcePlan>
  /** How long a wave waits for a host that is gone. */
  readonly unreachableGraceMs: number
  /** The first wait before an unanswered or refused order is sent again; doubles up to 30 s. */
  readonly resendMs: number
  readonly rebuilds: RebuildPlan
}

// What is wanted.

/** An end measured in time that has passed, so that no clock jump shortens it. */
export interface HoldEnd {
  readonly remainingMs: number
  /** Monotonic clock of the boot in which `remainingMs` was true. */
  readonly asOfMs: number
}

export interface FleetHold {
  readonly id: string
  readonly targets: readonly string[]
  readonly selector: string
  /** Hosts that an undrain took out again. */
  readonly except: ReadonlySet<string>
  /** Every host that has matched while the hold stood. */
  readonly members: ReadonlySet<string>
  readonly owner: Owner
  readonly message: string
  /** Wall clock, only shown. */
  readonly sinceMs: number
  readonly end: HoldEnd | null
  /** Adopted from a marker: this store never issued it. */
  readonly orphan: boolean
  /** False while the store refused it. */
  readonly persisted: boolean
  /** Monotonic clock from which every wave is ordered at once; a gate's half deadline. */
  readonly rushAtMs: number | null
}

// What is.

export type LinkState =
  | { readonly is: 'down'; readonly sinceMs: number; readonly reason: string }
  | {
      readonly is: 'up'
      readonly link: string
      readonly sinceMs: number
      readonly build: string
      readonly bootId: string
      /** What the agent was configured with; null of a v1 server, which names none. */
      readonly targets: readonly string[] | null
      /** What it can do besides, such as `jobs`. */
      readonly features: readonly string[]
      readonly roundTripMs: number | null
    }

/** The last order to one target of one host, kept so that it is neither doubled nor forgotten. */
export interface SentOrder {
  readonly command: string
  /** What it said; an equal one is not sent again before `againAtMs`. */
  readonly meaning: string
  readonly againAtMs: number
  readonly attempt: number
}

/** One target of one host, as far as the coordinator knows. */
export interface Seat {
  readonly report: TargetReport | null
  readonly order: SentOrder | null
  /** Units that the running order waits for. */
  readonly waitingOn: readonly string[]
  /** Why the last order failed; null after a good one. */
  readonly trouble: { readonly is: 'failed' | 'deadline' | 'not-persisted'; readonly reason: string } | null
  /** A v1 host only acknowledges: what it last did on this link, until it is ordered something else. */
  readonly acknowledged: V1Action | null
}

export interface HostState {
  readonly link: LinkState
  readonly seats: ReadonlyMap<string, Seat>
  /** null until a report on this link, and of an agent that takes no rebuilds. */
  readonly jobs: readonly JobReport[] | null
}

export type GateState = { readonly is: 'up' | 'down'; readonly seq: number; readonly bootId: string }

export interface ResourceState {
  readonly ready: boolean
  readonly reason: string
  readonly sinceMs: number
  /** null: no file, or of another boot. */
  readonly gate: GateState | null
}

/** A target's hosts on their way in one direction, wave by wave. */
export interface Movement {
  /** null: the last wave is over, and only late hosts are still on their way. */
  readonly wave: number | null
  readonly sinceMs: number
  /** Hosts of this wave that have not come to an end. */
  readonly pending: Table<true>
  /** Hosts whose wave passed its deadline without them: they go on alone, and nobody waits for them. */
  readonly late: ReadonlySet<string>
}

export interface Movements {
  readonly drain: Movement | null
  readonly undrain: Movement | null
}

export interface Superseded {
  readonly host: string
  readonly seen: Claim
}

/** Wave of each host, by target. */
export type Placement = ReadonlyMap<string, ReadonlyMap<string, number>>

export interface FleetState {
  readonly plan: FleetPlan
  readonly placement: Placement
  readonly build: string
  /** Boot of the coordinator's own host, for the ids of its gates' holds. */
  readonly bootId: string
  readonly claim: Claim
  readonly superseded: Superseded | null
  /** The highest claim that any agent has told of. */
  readonly highest: Claim
  readonly awaiting: ReadonlySet<string>
  /** Holds that the store had at a takeover and that no marker has shown before it was ordered again. */
  readonly unmarked: ReadonlySet<string>
  readonly holds: ReadonlyMap<string, FleetHold>
  readonly released: ReadonlySet<string>
  /** `<host>/<target>` of v1 hosts that were drained and are owed an undrain. */
  readonly owedUndrain: ReadonlySet<string>
  readonly hosts: Table<HostState>
  readonly resources: ReadonlyMap<string, ResourceState>
  readonly movements: ReadonlyMap<string, Movements>
  readonly nextCommand: number
  readonly rollouts: Rollouts
}
