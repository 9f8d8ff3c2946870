import type { Log } from '../daemon/log.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { JobCommand, JobLog } from '../protocol/v2/job.ts'
import type { RolloutHistory } from './adapters/store.ts'
import type { Changes } from './changes.ts'
import type { JobOrder } from './core/effect.ts'
import type { FleetState } from './core/state.ts'

// What jobs write on their hosts goes from the link to the store: nothing is decided by it, so the core never sees it.

/** An order with the last lines that are here, so that its host says what comes after them. */
export function withLastLines(history: RolloutHistory, order: JobOrder): JobCommand {
  const last = (stream: JobLog['stream']) => history.lastCursor(order.job, stream)
  return { ...order, logAfter: { plan: last('plan'), switch: last('switch') } }
}

interface Keeping {
  readonly log: Log
  readonly history: RolloutHistory
  readonly changes: Changes
}

/** Keeps what is new of it; lines of a job that no rollout has on this host are dropped. */
export function keepLog({ log, history, changes }: Keeping, state: FleetState, host: string, said: JobLog): void {
  const rollout = rolloutOf(state, host, said.job)
  if (rollout === null) return
  try {
    if (history.keepLines(rollout, host, said) > 0) changes.wake(rollout)
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
    // The host has them still, and says them again behind the next order.
    log.error({ event: 'save-failed', rollout, host, cause }, 'not persisted')
  }
}

function rolloutOf({ rollouts }: FleetState, host: string, job: string): string | null {
  for (const [id, runs] of rollouts.runs) if (runs.get(host)?.job === job) return id
  return null
}
