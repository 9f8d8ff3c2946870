import { isUnsettled } from '../../daemon/outcome.ts'
import type { HostProgress, ProgressState } from '../../protocol/api.ts'
import { alignedOf, barOf, clip, type Ink, paint, reasonBeside, type Style } from './style.ts'

export type Want = 'drained' | 'open'

export interface ProgressView {
  readonly want: Want
  readonly hosts: readonly HostProgress[]
  readonly elapsedMs: number
}

function namedTargets(hosts: readonly HostProgress[]): readonly string[] {
  return [...new Set(hosts.map(({ target }) => target))].filter((target) => target !== anyTarget)
}

/** One state in a word or two, as a person says it. */
export function stateWord(want: Want, is: ProgressState): string {
  switch (is) {
    case 'done':
      return want
    case 'moving':
      return want === 'drained' ? 'draining' : 'opening'
    case 'waiting':
      return 'waiting'
    case 'unreachable':
      return 'unreachable'
    case 'refused':
      return 'refused'
    case 'failed':
      return 'failed'
    case 'acknowledged':
      return 'acknowledged, not confirmed (v1)'
    case 'not-persisted':
      return want === 'drained' ? 'drained, but not persisted' : 'not released, for it could not be saved'
    case 'held':
      return 'still held'
    case 'deadline':
      return `not ${want} in time`
    default:
      return is satisfies never
  }
}

const inks: Readonly<Record<ProgressState, Ink>> = {
  done: 'green',
  moving: 'yellow',
  waiting: 'dim',
  unreachable: 'red',
  refused: 'red',
  failed: 'red',
  acknowledged: 'yellow',
  'not-persisted': 'red',
  held: 'yellow',
  deadline: 'red',
}

/** Stands for the targets of a host that nobody could ask for them. */
export const anyTarget = '*'

export function hasSeveralTargets(hosts: readonly HostProgress[]): boolean {
  return namedTargets(hosts).length > 1
}

/** The line of one host that has come to an end, for a log or a pipe. */
export function settledLine(style: Style, want: Want, host: HostProgress, withTarget: boolean): string {
  const name = withTarget ? `${host.host}  ${host.target}` : host.host
  const reason = host.reason === '' ? '' : `: ${reasonBeside(host.host, host.reason)}`
  return `${name}  ${paint(style, inks[host.is], stateWord(want, host.is))}${reason}`
}

/** The picture that is drawn again at each change: a heading with a bar, then hosts, the unsettled first in need. */
export function progressLines(style: Style, view: ProgressView, rows: number): readonly string[] {
  const room = Math.max(1, rows - 3)
  const all = view.hosts.length <= room
  const shown = all ? view.hosts : underWayFirst(view.hosts).slice(0, room)
  return [headingOf(style, view), ...hostRows(style, view, shown), ...(all ? [] : [restOf(style, view, shown.length)])]
}

function underWayFirst(hosts: readonly HostProgress[]): readonly HostProgress[] {
  return [...hosts.filter(({ is }) => is === 'moving'), ...hosts.filter(({ is }) => is === 'waiting')]
}

function hostRows(style: Style, view: ProgressView, shown: readonly HostProgress[]): readonly string[] {
  const withTarget = hasSeveralTargets(view.hosts)
  return alignedOf(
    style,
    shown.map((host) => [
      host.host,
      ...(withTarget ? [host.target] : []),
      paint(style, inks[host.is], stateWord(view.want, host.is)),
      waitsFor(host),
    ]),
  )
}

function waitsFor(host: HostProgress): string {
  if (host.reason !== '') return reasonBeside(host.host, host.reason)
  return host.units.join(', ')
}

function headingOf(style: Style, { want, hosts, elapsedMs }: ProgressView): string {
  const settled = hosts.filter((host) => !isUnsettled(host)).length
  const verb = settled < hosts.length ? (want === 'drained' ? 'draining' : 'opening') : want
  const figures = `${settled}/${hosts.length}  ${(elapsedMs / 1_000).toFixed(1)}s`
  const title = clip(style, subjectOf(verb, hosts), Math.max(10, style.columns - figures.length - 20))
  const room = Math.min(30, style.columns - title.length - figures.length - 6)
  return `${paint(style, 'bold', title)}  ${room >= 8 ? `${barOf(style, settled, hosts.length, room)}  ` : ''}${figures}`
}

function subjectOf(verb: string, hosts: readonly HostProgress[]): string {
  const targets = namedTargets(hosts)
  return targets.length > 1 ? `${verb} ${targets.length} targets` : [verb, ...targets].join(' ')
}

function restOf(style: Style, { want, hosts }: ProgressView, shownCount: number): string {
  const counts = new Map<string, number>()
  for (const { is } of hosts) counts.set(stateWord(want, is), (counts.get(stateWord(want, is)) ?? 0) + 1)
  const unsettled = hosts.filter(isUnsettled).length
  const hidden = unsettled > shownCount ? `${unsettled - shownCount} more under way; ` : ''
  const sums = [...counts].map(([word, count]) => `${count} ${word}`).join(', ')
  return `  ${paint(style, 'dim', clip(style, `${hidden}${sums}`, style.columns - 2))}`
}
