import { isEnded, isMoving } from './kinds.ts'
import type { HostRun, Rollout } from './state.ts'

/** Nothing more happens without a person. */
export function isSettled(rollout: Rollout, runs: readonly HostRun[]): boolean {
  if (isEnded(rollout) || rollout.now.is === 'planned') return true
  if (runs.some(isMoving)) return false
  return rollout.now.is === 'paused' || isAwaited(rollout)
}

/** Somebody is asked whether it may go on. */
export function isAwaited({ now, stage }: Rollout): boolean {
  return now.is === 'running' && stage.now.is === 'waiting' && stage.now.on === 'approval'
}

/** Worth to be told to whoever is not looking: it has ended, or something went wrong and it stands still. */
export function isOutcome({ now }: Rollout): boolean {
  if (now.is === 'paused') return now.by !== 'operator'
  return now.is !== 'planned' && now.is !== 'discarded' && now.is !== 'running'
}
