import { GuardianError } from '../../../protocol/errors.ts'
import { type FleetStep, still } from '../change.ts'
import type { FleetEvent } from '../event.ts'
import type { FleetState } from '../state.ts'

export type RolloutHappening = Extract<
  FleetEvent,
  {
    type:
      | 'plan-asked'
      | 'rollout-start-asked'
      | 'rollout-ordered'
      | 'condition-told'
      | 'hook-ended'
      | 'lock-asked'
      | 'lock-released'
      | 'advance'
  }
>

/** Whether `advance` has anything to do: it is dispatched while this holds. */
export function isRolling(_state: FleetState): boolean {
  return false
}

export function rolloutStep(state: FleetState, event: RolloutHappening): FleetStep {
  switch (event.type) {
    case 'plan-asked':
    case 'rollout-start-asked':
    case 'rollout-ordered':
    case 'lock-asked':
    case 'lock-released':
      throw new GuardianError('internal', 'not built yet')
    case 'condition-told':
    case 'hook-ended':
    case 'advance':
      return still(state)
    default:
      return event satisfies never
  }
}
