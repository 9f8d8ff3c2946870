import { GuardianError } from '../../../protocol/errors.ts'
import type { RolloutStatus } from '../../../protocol/rollout/api.ts'
import type { FleetState } from '../state.ts'

/**
 * Everything that `guardian ctl rollout status` shows. `hash` is that of `planText`, null where it is not planned yet.
 * @throws GuardianError `not-found`
 */
export function rolloutStatus(_state: FleetState, id: string, _atMs: number, _hash: string | null): RolloutStatus {
  throw new GuardianError('not-found', `no rollout ${id}; see "guardian ctl rollout history"`)
}
