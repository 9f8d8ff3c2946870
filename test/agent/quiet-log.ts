import { createLog, type Log } from '../../daemon/log.ts'

/** A log for tests that look at something else. */
export function quietLog(): Log {
  return createLog({ name: 'test', level: 'silent' })
}
