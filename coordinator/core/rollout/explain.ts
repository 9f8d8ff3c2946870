import type { RolloutExplanation } from '../../../protocol/rollout/api.ts'
import type { FleetState } from '../state.ts'

/** Why a host has not been rebuilt yet, or is not in service. The events are the store's to add. */
export function explain(_state: FleetState, host: string, _atMs: number): Omit<RolloutExplanation, 'events'> {
  return { host, rollout: null, is: null, because: [] }
}
