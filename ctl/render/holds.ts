import type { HoldStatus } from '../../protocol/api.ts'
import { formatDuration } from '../../protocol/duration.ts'
import { marksOf, reachOf } from './status.ts'
import { columnsOf, paint, type Style } from './style.ts'

/** Every hold with its whole id; a few lines each, so that nothing is cut. */
export function holdsLines(style: Style, holds: readonly HoldStatus[], nowMs: number): readonly string[] {
  if (holds.length === 0) return ['no holds: nothing is wanted drained']
  return holds.flatMap((hold, at) => [...(at === 0 ? [] : ['']), ...holdLines(style, hold, nowMs)])
}

function holdLines(style: Style, hold: HoldStatus, nowMs: number): readonly string[] {
  const age = formatDuration(Math.max(0, nowMs - hold.sinceMs))
  const message = hold.message === '' ? [] : [`  ${hold.message}`]
  const hosts = hold.hosts.length > 1 ? columnsOf(style, hold.hosts, 4) : []
  return [
    paint(style, 'bold', hold.id),
    `  ${hold.owner}, for ${age}, ${hold.targets.join(', ')} on ${reachOf(hold)}`,
    ...message,
    ...marksOf(hold).map((mark) => `  ${paint(style, 'yellow', mark)}`),
    ...hosts,
  ]
}
