import type { GateCheck, HealthProbe } from '../../../protocol/rollout/policy.ts'
import type { FleetState } from '../state.ts'

/** What rollouts want to know of the world; looked at again and again while it is wanted, and told by its key. */
export type Condition =
  | { readonly key: string; readonly kind: 'check'; readonly check: GateCheck }
  /** "Sun 02:00/3h Europe/Berlin": good while it is open. */
  | { readonly key: string; readonly kind: 'window'; readonly window: string }
  /** A probe from the coordinator: `{host}` in a text of it is this host. */
  | { readonly key: string; readonly kind: 'probe'; readonly host: string; readonly probe: HealthProbe }

/** Empty while no rollout waits for anything. One that is new is to be looked at at once. */
export function wantedConditions(_state: FleetState): readonly Condition[] {
  return []
}
