import type { Draft } from './draft.ts'
import { isMoving, phaseOf } from './kinds.ts'
import type { HostRun, RolloutEnd, RolloutNow } from './state.ts'

// What a rollout does about hosts that did not make it, and how it comes to its end.

interface Failure {
  readonly run: HostRun
  readonly reason: string
}

export function failuresOf(runs: readonly HostRun[]): readonly Failure[] {
  return runs.flatMap((run) => (run.failure === null ? [] : [{ run, reason: run.failure.reason }]))
}

/** More failures than the policy bears, and than somebody has seen already. */
export function failOver(draft: Draft, id: string): boolean {
  const rollout = draft.rollout(id)
  const failures = failuresOf(draft.runs(id))
  const { maxFailures, onFailure } = rollout.policy
  // Of those that were seen some may have been undone: the next ones are new.
  if (failures.length < rollout.forgiven) draft.edit({ ...rollout, forgiven: failures.length })
  if (failures.length - rollout.forgiven <= maxFailures) return false
  const reason = failures.map(({ run, reason: why }) => `${run.host}: ${why}`).join('; ')
  // Behind a point of no return nothing goes back by itself.
  if (rollout.irreversible || onFailure === 'pause' || onFailure === 'rollback-host-and-pause')
    return pauseOn(draft, id, 'failure', reason)
  const isOfWave = ({ wave }: HostRun) => onFailure === 'rollback-all' || wave === rollout.stage.wave
  turnBack(draft, id, isOfWave, reason)
  return true
}

export function pauseOn(
  draft: Draft,
  id: string,
  by: Extract<RolloutNow, { is: 'paused' }>['by'],
  reason: string,
): boolean {
  const { now } = draft.rollout(id)
  if (now.is !== 'running' && now.is !== 'rolling-back') return false
  draft.turn(id, { is: 'paused', was: now.is, by }, reason)
  return true
}

/** Those that have changed go back, no other begins. */
export function turnBack(draft: Draft, id: string, isMeant: (run: HostRun) => boolean, reason: string): void {
  for (const run of draft.runs(id)) {
    const hasChanged = phaseOf(run) !== 'before' && !['reverted', 'reverting', 'revert-failed'].includes(run.now.is)
    if (hasChanged && isMeant(run)) draft.editRun({ ...run, back: true, again: false })
  }
  skipOpen(draft, id, 'the rollout goes back')
  draft.turn(id, { is: 'rolling-back' }, reason, { endedMs: null })
}

/** Whoever has not begun does not begin any more. */
export function skipOpen(draft: Draft, id: string, reason: string): void {
  for (const run of draft.runs(id)) {
    const { is } = run.now
    if (is === 'pending' || is === 'prefetching' || is === 'ready' || is === 'waiting' || is === 'deferred')
      draft.move(run, { to: { is: 'skipped' }, reason })
  }
}

/** Hosts on their way finish or go back, whoever is silent included: it ends when every one has come to rest. */
export function abortOn(draft: Draft, id: string): boolean {
  if (draft.runs(id).some(isMoving)) return false
  end(draft, id, 'aborted', draft.rollout(id).reason)
  return true
}

/** A run of this end came to its own, so its soak is over with the rollout. */
export function end(draft: Draft, id: string, is: RolloutEnd, reason: string): void {
  for (const run of draft.runs(id))
    if (run.now.is === 'soaking') draft.move(run, { to: { is: 'done' }, reason: run.reason })
  draft.turn(id, { is }, reason, { endedMs: draft.moment.wallMs })
  draft.forgetOrders()
}

export function endOf(runs: readonly HostRun[]): { readonly is: 'succeeded' | 'failed'; readonly reason: string } {
  const failed = failuresOf(runs)
  if (failed.length > 0) return { is: 'failed', reason: `failed: ${namesOf(failed.map(({ run }) => run))}` }
  const left = runs.filter(({ now }) => now.is === 'skipped' || now.is === 'deferred' || now.is === 'blocked')
  return { is: 'succeeded', reason: left.length === 0 ? '' : `left out: ${namesOf(left)}` }
}

function namesOf(runs: readonly HostRun[]): string {
  return runs.map(({ host, now }) => `${host} (${now.is})`).join(', ')
}
