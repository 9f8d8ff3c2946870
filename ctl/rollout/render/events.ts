import type { RolloutEvent, RolloutLogLine } from '../../../protocol/rollout/api.ts'
import { harmless, paint, reasonBeside, type Style } from '../../render/style.ts'

/** One transition on one line, `12:04:31  web02  activating: restarting nginx.service`. */
export function rolloutEventLine(style: Style, event: RolloutEvent): string {
  const [kind = '', word = ''] = event.type.split('.')
  const where = event.host ?? (kind === 'rollout' ? event.rollout : kind)
  const reason = event.reason === '' ? '' : `: ${reasonBeside(where, event.reason)}`
  const what = event.host === null || kind === 'host' ? word : `${kind} ${word}`
  return `${paint(style, 'dim', timeOf(event.atMs))}  ${where}  ${what}${reason}`
}

export function logLine(style: Style, line: RolloutLogLine, withHost: boolean): string {
  const host = withHost ? `${line.host}  ` : ''
  return `${paint(style, 'dim', timeOf(line.atMs))}  ${host}${harmless(line.text)}`
}

/** The end of what a host said before it failed. */
export function tailLines(
  style: Style,
  host: string,
  lines: readonly RolloutLogLine[],
  command: string,
): readonly string[] {
  if (lines.length === 0) return [`  ${host} has written no log`]
  return [
    `  the last ${lines.length} lines of ${host}; all of them: ${command}`,
    ...lines.map(({ text }) => paint(style, 'dim', `    ${harmless(text)}`)),
  ]
}

/** Of the day, in this machine's time. */
export function timeOf(atMs: number): string {
  const at = new Date(atMs)
  const two = (figure: number): string => String(figure).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

export function dayOf(atMs: number): string {
  const at = new Date(atMs)
  const two = (figure: number): string => String(figure).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`
}
