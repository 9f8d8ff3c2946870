import { exitOfCause } from '../../daemon/outcome.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Ending } from '../follow.ts'
import type { Exits } from '../table.ts'

const texts: Readonly<Record<number, string>> = {
  0: 'succeeded, or nothing to do; for an order: it was taken',
  1: 'internal error',
  2: 'wrong usage or configuration',
  3: 'failed and stopped; what failed was not taken back, or what is done stays',
  4: 'failed, and every host that failed runs its old system again, verified',
  5: 'a rollback failed: a person is needed',
  6: 'waits for a person: approval, or paused by hand',
  7: 'blocked before any change',
  8: 'refused: in conflict with another operation, not authorised, or superseded',
  9: 'coordinator unreachable: outcome unknown',
  10: 'succeeded, with hosts left out: skipped, deferred or blocked',
  124: '--timeout passed; the rollout goes on',
  130: 'Ctrl-C; a rollout that was started goes on',
}

/**
 * Where an order is refused. A drain's 3 to 6 say how far hosts have come; a rollout has its own words for that, and what
 * is refused has changed nothing.
 */
function exitOfRefusal(cause: unknown): number {
  const code = cause instanceof GuardianError ? cause.code : 'internal'
  if (code === 'blocked') return 7
  // What was seen is not what is there any more.
  if (code === 'stale') return 8
  const exit = exitOfCause(cause)
  return otherExits[exit] ?? exit
}

const otherExits: Readonly<Record<number, number>> = { 3: 7, 4: 7, 5: 124, 6: 8 }

/** The exit codes of `guardian ctl rollout …`. */
export const rolloutExits: Exits = { texts, interrupted: 130, ofCause: exitOfRefusal }

/** `settled` is what the coordinator says of a rollout at rest. */
export function exitAt(ending: Ending, settled: number): number {
  switch (ending.is) {
    case 'settled':
      return settled
    case 'timeout':
      return 124
    case 'interrupted':
      return 130
    case 'lost':
      return 9
    case 'gone':
      return 2
    default:
      return ending satisfies never
  }
}
