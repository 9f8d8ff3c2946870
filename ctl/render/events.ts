import type { FleetEvent } from '../../protocol/api.ts'
import { paint, type Style } from './style.ts'

/** One event on one line: when, what, where, and the rest. */
export function eventLine(style: Style, event: FleetEvent): string {
  const where = [event.host, event.target, event.resource].filter((name) => name !== undefined).join(' ')
  const hold = event.hold === undefined ? '' : `hold ${event.hold}`
  const owner = event.owner === undefined ? '' : `by ${event.owner}`
  const parts = [where, event.text, owner, hold].filter((text) => text !== '')
  return `${paint(style, 'dim', clockOf(event.atMs))}  ${event.what.padEnd(15)}  ${parts.join('  ')}`
}

function clockOf(atMs: number): string {
  const at = new Date(atMs)
  const two = (figure: number): string => String(figure).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`
}
