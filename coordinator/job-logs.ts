import type { Log } from '../daemon/log.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { JobCommand, JobLog } from '../protocol/v2/job.ts'
import type { RolloutHistory } from './adapters/store.ts'
import type { Changes } from './changes.ts'
import type { JobOrder } from './core/effect.ts'
import type { FleetState } from './core/state.ts'

/** What jobs write on their hosts: from the link to the store. Nothing is decided by it, so the core never sees it. */
export interface JobLogs {
  /** Lines of a job of this host; those of no job that a rollout has there are dropped. */
  take(state: FleetState, host: string, said: JobLog): void
  /** An order with the last lines that are here, so that its host says what comes after them. */
  commandOf(order: JobOrder): JobCommand
  close(): void
}

interface Said {
  readonly rollout: string
  readonly host: string
  readonly log: JobLog
}

// A wave writes all at once, and a disk takes as long for one line as for a thousand.
const gatherMs = 25

export function createJobLogs({
  log,
  history,
  changes,
  isKept,
}: {
  readonly log: Log
  readonly history: RolloutHistory
  readonly changes: Changes
  /** Whether the store has the rollout still. */
  readonly isKept: (rollout: string) => boolean
}): JobLogs {
  let gathered: Said[] = []
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    const all = gathered.filter(({ rollout }) => isKept(rollout))
    gathered = []
    if (all.length === 0) return
    const fresh = new Set<string>()
    try {
      history.together(() => {
        for (const said of all) {
          if (history.keepLines(said.rollout, said.host, said.log) > 0) fresh.add(said.rollout)
        }
      })
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      // The hosts have them still, and say them again behind the next order.
      log.error({ event: 'save-failed', cause }, 'not persisted')
      return
    }
    for (const rollout of fresh) changes.wake(rollout)
  }

  return {
    take(state, host, said) {
      const rollout = rolloutOf(state, host, said.job)
      if (rollout === null) return
      gathered.push({ rollout, host, log: said })
      timer ??= setTimeout(flush, gatherMs)
    },
    commandOf(order) {
      flush()
      const last = (stream: JobLog['stream']) => history.lastCursor(order.job, stream)
      return { ...order, logAfter: { plan: last('plan'), switch: last('switch') } }
    },
    close: flush,
  }
}

function rolloutOf({ rollouts }: FleetState, host: string, job: string): string | null {
  for (const [id, runs] of rollouts.runs) if (runs.get(host)?.job === job) return id
  return null
}
