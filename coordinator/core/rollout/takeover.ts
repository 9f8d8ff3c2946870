import type { FleetEffect, RolloutSave } from '../effect.ts'
import type { FleetState } from '../state.ts'
import { Draft, type Moment } from './draft.ts'
import { isEnded } from './kinds.ts'
import { pauseOn } from './trouble.ts'

interface Paused {
  readonly state: FleetState
  readonly save?: RolloutSave
  readonly effects: readonly FleetEffect[]
}

/** Another coordinator may have gone on with it since: a person looks before any other host begins. */
export function pausedByTakeover(state: FleetState, moment: Moment): Paused {
  const draft = new Draft(state, moment)
  for (const rollout of state.rollouts.all.values())
    if (!isEnded(rollout))
      pauseOn(draft, rollout.id, 'takeover', 'this coordinator was taken over: see what the hosts say now')
  return draft.parts()
}
