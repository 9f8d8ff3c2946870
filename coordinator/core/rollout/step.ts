import type { FleetStep } from '../change.ts'
import type { FleetEvent } from '../event.ts'
import type { FleetState } from '../state.ts'
import { advanced } from './advance.ts'
import { lockAsked, lockReleased } from './locks.ts'
import { planAsked } from './plan.ts'
import { conditionTold, hookEnded } from './senses.ts'
import { startAsked } from './start.ts'
import { rolloutOrdered } from './verbs.ts'

export { isRolling } from './kinds.ts'

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

export function rolloutStep(state: FleetState, event: RolloutHappening): FleetStep {
  switch (event.type) {
    case 'plan-asked':
      return planAsked(state, event.request, event)
    case 'rollout-start-asked':
      return startAsked(state, { ...event, id: event.rollout }, event)
    case 'rollout-ordered':
      return rolloutOrdered(state, { id: event.rollout, order: event.order }, event)
    case 'condition-told':
      return conditionTold(state, event, event)
    case 'hook-ended':
      return hookEnded(state, { ...event, id: event.rollout }, event)
    case 'lock-asked':
      return lockAsked(state, event, event)
    case 'lock-released':
      return lockReleased(state, event, event)
    case 'advance':
      return advanced(state, event)
    default:
      return event satisfies never
  }
}
