import type { FleetEvent } from '../../protocol/api.ts'
import { paint, type Style } from './style.ts'

/** One event on one line: when, what, where, and the rest. */
export function eventLine(style: Style, event: FleetEvent): string {
  const { text } = event
  // The text may have said it already.
  const beside = (value: string | undefined, label = ''): string =>
    value === undefined || text.includes(value) ? '' : `${label}${value}`
  const where = [event.host, event.target, event.resource].map((name) => beside(name)).filter((name) => name !== '')
  const parts = [where.join(' '), text, beside(event.owner, 'by '), beside(event.hold, 'hold ')].filter(
    (part) => part !== '',
  )
  return `${paint(style, 'dim', clockOf(event.atMs))}  ${event.what.padEnd(15)}  ${parts.join('  ')}`
}

function clockOf(atMs: number): string {
  const at = new Date(atMs)
  const two = (figure: number): string => String(figure).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`
}
