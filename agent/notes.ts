import type { Log } from '../daemon/log.ts'
import type { AgentNote } from './core/effect.ts'

/** Writes what happened to the log: once, here, with the fields that `journalctl` is asked for. */
export function logNote(log: Log, note: AgentNote) {
  const { what: event, ...rest } = note
  switch (note.what) {
    case 'hold-taken':
      return log.info({ event, ...rest }, 'hold taken')
    case 'hold-released':
      return log.info({ event, ...rest }, 'hold released')
    case 'drain-started':
      return log.info({ event, ...rest }, 'draining')
    case 'drained':
      return log.info({ event, ...rest, failed: named(note.failed) }, 'drained')
    case 'opening-started':
      return log.info({ event, ...rest }, 'opening')
    case 'opened':
      return log.info({ event, ...rest, failed: named(note.failed) }, 'open')
    case 'deadline-passed':
      return log.warn({ event, ...rest, units: named(note.units) }, 'deadline passed; goes on')
    case 'breached':
      return log.warn({ event, ...rest, units: named(note.units) }, 'active while drained; stopping again')
    case 'drifted':
      return log.warn({ event, ...rest }, 'stopped by somebody else')
    case 'not-persisted':
      return log.error({ event, ...rest }, 'the marker cannot be written; a reboot would open the target')
    case 'refused':
      return log.warn({ event, ...rest }, 'refused')
    case 'claim-accepted':
      return log.info({ event, ...rest }, 'a new coordinator orders')
    case 'v1-used':
      return log.info({ event, ...rest }, 'ordered over protocol v1')
    case 'job-ordered':
      return log.info({ event, ...rest }, 'rebuild ordered')
    case 'job-refused':
      return log.warn({ event, ...rest }, 'rebuild refused: there are too many')
    case 'job-asked':
      return log.info({ event, ...rest }, 'asked the root helper')
    case 'job-turned':
      return log.info({ event, ...rest }, 'rebuild goes on')
    case 'job-forgotten':
      return log.info({ event, ...rest }, 'rebuild forgotten')
    default:
      return note satisfies never
  }
}

function named(units: readonly string[]): string | undefined {
  return units.length === 0 ? undefined : units.slice(0, 20).join(' ')
}
