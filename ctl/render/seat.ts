import type { HostStatus } from '../../protocol/api.ts'
import { formatDuration } from '../../protocol/duration.ts'
import { counted, type Ink, reasonBeside } from './style.ts'

export type Seat = HostStatus['targets'][number]

/** One target of one host, put in words. `fine` is what needs nobody's eye. */
export interface SeatWords {
  readonly fine: 'open' | 'drained' | 'acknowledged' | null
  readonly word: string
  readonly why: string
  readonly ink: Ink
}

export function wordsOf(host: HostStatus, seat: Seat): SeatWords {
  if (!host.connected) return away(host, seat)
  const trouble = troubleOf(seat)
  if (seat.is === null && host.protocol === 'v1')
    return { fine: null, word: 'answers', why: 'v1: it cannot tell its state', ink: 'yellow' }
  if (seat.is === null) return { fine: null, word: 'unknown', why: 'no report has come yet', ink: 'yellow' }
  if (seat.want === 'drained') return wantedDrained(seat, seat.is, trouble)
  return wantedOpen(seat, seat.is, trouble)
}

function away(host: HostStatus, seat: Seat): SeatWords {
  const since = formatDuration(host.sinceMs)
  const last = seat.is === null ? '' : `; was ${seat.is}${seat.is === seat.want ? '' : `, wanted ${seat.want}`}`
  const why = `${since}${host.reason === '' ? '' : `: ${reasonBeside(host.name, host.reason)}`}${last}`
  return { fine: null, word: 'unreachable', why, ink: 'red' }
}

function wantedDrained(seat: Seat, is: NonNullable<Seat['is']>, trouble: string): SeatWords {
  if (is === 'acknowledged')
    return { fine: 'acknowledged', word: 'acknowledged', why: 'v1, not confirmed', ink: 'yellow' }
  if (is !== 'drained')
    return {
      fine: null,
      word: is === 'draining' ? 'draining' : `not drained (${is})`,
      why: leftOf(seat),
      ink: 'yellow',
    }
  return {
    fine: trouble === '' ? 'drained' : null,
    word: 'drained',
    why: trouble,
    ink: trouble === '' ? 'green' : 'yellow',
  }
}

function wantedOpen(seat: Seat, is: NonNullable<Seat['is']>, trouble: string): SeatWords {
  if (is === 'open' || is === 'acknowledged') {
    return {
      fine: trouble === '' ? 'open' : null,
      word: 'open',
      why: trouble,
      ink: trouble === '' ? 'green' : 'yellow',
    }
  }
  if (is === 'drifted')
    return { fine: null, word: 'drifted', why: 'stopped by somebody else; guardian leaves it alone', ink: 'yellow' }
  const why = seat.waitingFor === '' ? trouble : `waiting for ${seat.waitingFor}`
  return { fine: null, word: is === 'released' ? 'not open yet' : is, why, ink: 'yellow' }
}

function troubleOf(seat: Seat): string {
  const parts: string[] = []
  if (!seat.durable) parts.push('not persisted on its disk')
  if (seat.failed.length > 0) parts.push(`failed: ${seat.failed.join(', ')}`)
  return parts.join('; ')
}

/** The dependents that a drain still waits for. */
function leftOf(seat: Seat): string {
  const left = seat.dependents.filter(
    ({ active, processes }) => (active !== 'inactive' && active !== 'failed') || processes > 0,
  )
  const names = left.map(({ unit, active, processes }) => {
    const left =
      active === 'inactive' || active === 'failed' ? ` (${counted(processes, 'process', 'processes')} left)` : ''
    return `${unit}${left}`
  })
  return names.length === 0 ? seat.waitingFor : names.join(', ')
}
