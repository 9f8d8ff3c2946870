import type { JobAction } from '../../../protocol/v2/job.ts'
import type { FleetState } from '../state.ts'
import type { HostRun, Rollout } from './state.ts'

// What the states of rollouts and runs have in common.

export function isEnded({ now }: Rollout): boolean {
  switch (now.is) {
    case 'discarded':
    case 'succeeded':
    case 'failed':
    case 'aborted':
    case 'rolled-back':
    case 'rollback-failed':
      return true
    case 'planning':
    case 'planned':
    case 'running':
    case 'paused':
    case 'aborting':
    case 'rolling-back':
      return false
    default:
      return now satisfies never
  }
}

/** Started, and not at its end: its hosts are nobody else's. */
export function isStarted(rollout: Rollout): boolean {
  return !isEnded(rollout) && rollout.now.is !== 'planning' && rollout.now.is !== 'planned'
}

/** Whether `advance` has anything to do: it is dispatched while this holds. */
export function isRolling({ rollouts }: FleetState): boolean {
  for (const rollout of rollouts.all.values()) if (!isEnded(rollout)) return true
  return false
}

export type Phase = 'before' | 'underway' | 'troubled' | 'after'

/** Where a run stands against its slot: it has none before and after, and keeps it in trouble. */
export function phaseOf({ now }: HostRun): Phase {
  switch (now.is) {
    case 'pending':
    case 'prefetching':
    case 'ready':
    case 'noop':
    case 'blocked':
    case 'skipped':
    case 'deferred':
    case 'waiting':
      return 'before'
    case 'draining':
    case 'drained':
    case 'activating':
    case 'rebooting':
    case 'verifying':
    case 'undraining':
    case 'serving':
    case 'committing':
    case 'interrupted':
    case 'reverting':
      return 'underway'
    case 'failed':
    case 'lost':
    case 'revert-failed':
      return 'troubled'
    case 'soaking':
    case 'done':
    case 'reverted':
      return 'after'
    default:
      return now satisfies never
  }
}

export function holdsSlot(run: HostRun): boolean {
  const phase = phaseOf(run)
  return phase === 'underway' || (phase === 'troubled' && !run.released)
}

/** On its way to a state in which it can stay: a wave, an abort and a rollback wait for it. */
export function isMoving(run: HostRun): boolean {
  return phaseOf(run) === 'underway' || (run.now.is === 'lost' && !run.released)
}

/** Not begun and to be begun. */
export function isOpen({ now }: HostRun): boolean {
  return now.is === 'pending' || now.is === 'prefetching' || now.is === 'ready' || now.is === 'waiting'
}

/** What is done to the host: the host's word, or the policy's where a switch would do. */
export function actionOf({ policy }: Rollout, { facts }: HostRun): JobAction | null {
  return facts.action === 'live' && policy.activate.mode === 'reboot' ? 'reboot' : facts.action
}

export function runsOf(state: FleetState, rollout: string): ReadonlyMap<string, HostRun> {
  return state.rollouts.runs.get(rollout) ?? new Map()
}
