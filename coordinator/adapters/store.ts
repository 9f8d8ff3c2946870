import type { Claim } from '../../protocol/authority.ts'
import type { FleetSave } from '../core/effect.ts'
import type { FleetHold, Superseded } from '../core/state.ts'

/** What a store knows when it is opened; its epoch is already that of this start. */
export interface Loaded {
  readonly claim: Claim
  readonly superseded: Superseded | null
  readonly awaiting: ReadonlySet<string>
  readonly holds: ReadonlyMap<string, FleetHold>
  readonly released: ReadonlySet<string>
  readonly owedUndrain: ReadonlySet<string>
}

/** Where a coordinator keeps what it must not forget. */
export interface StateStore {
  readonly loaded: Loaded
  /** Durable when it returns. @throws GuardianError `not-persisted` and nothing of it is kept */
  commit(save: FleetSave): void
  close(): void
}
