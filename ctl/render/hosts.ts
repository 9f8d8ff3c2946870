import type { HostStatus, PingAnswer, UndrainAnswer } from '../../protocol/api.ts'
import { formatDuration } from '../../protocol/duration.ts'
import { wordsOf } from './seat.ts'
import { alignedOf, columnsOf, counted, paint, reasonBeside, type Style } from './style.ts'

export function hostsLines(style: Style, hosts: readonly HostStatus[]): readonly string[] {
  if (hosts.length === 0) return ['no hosts']
  const several = new Set(hosts.flatMap(({ targets }) => targets.map(({ target }) => target))).size > 1
  const rows = hosts.map((host) => [
    host.name,
    host.address,
    host.tags.map((tag) => `@${tag}`).join(' '),
    host.protocol,
    linkOf(style, host),
    host.targets
      .map((seat) => {
        const { word, ink } = wordsOf(host, seat)
        return `${several ? `${seat.target}: ` : ''}${paint(style, ink, word)}`
      })
      .join(', '),
  ])
  return alignedOf(style, [['HOST', 'ADDRESS', 'TAGS', 'PROTO', 'LINK', 'STATE'], ...rows], 0)
}

function linkOf(style: Style, host: HostStatus): string {
  const since = formatDuration(host.sinceMs)
  return host.connected ? `up ${since}` : paint(style, 'red', `down ${since}`)
}

/** All about one host. */
export function hostLines(style: Style, host: HostStatus, nowMs: number): readonly string[] {
  const trip = host.roundTripMs === null ? '' : `, round trip ${milliseconds(host.roundTripMs)}`
  const reason = host.reason === '' ? '' : `: ${reasonBeside(host.name, host.reason)}`
  const facts = [host.address, ...host.tags.map((tag) => `@${tag}`), host.protocol, host.build ?? ''].filter(
    (text) => text !== '',
  )
  return [
    `${paint(style, 'bold', host.name)}  ${facts.join('  ')}`,
    `  link ${linkOf(style, host)}${trip}${reason}`,
    ...host.targets.flatMap((seat) => ['', ...seatLines(style, host, seat, nowMs)]),
  ]
}

function seatLines(
  style: Style,
  host: HostStatus,
  seat: HostStatus['targets'][number],
  nowMs: number,
): readonly string[] {
  const { word, why, ink } = wordsOf(host, seat)
  const breaches =
    seat.breaches === 0
      ? []
      : [
          `  ${counted(seat.breaches, 'breach', 'breaches')}: guardian doctor on ${host.name} prints the drop-in that guards the unit`,
        ]
  const holds = seat.holds.flatMap(({ id, owner, sinceMs, message }) => [
    `    ${id}  ${owner}  ${formatDuration(Math.max(0, nowMs - sinceMs))}`,
    ...(message === '' ? [] : [`      ${message}`]),
  ])
  const dependents = seat.dependents.map(({ unit, active, guarded, processes }) => [
    unit,
    active,
    guarded ? 'guarded' : paint(style, 'yellow', 'not guarded'),
    processes === 0 ? '' : counted(processes, 'process', 'processes'),
  ])
  return [
    `${paint(style, 'bold', seat.target)}  wanted ${seat.want}, is ${paint(style, ink, word)}${why === '' ? '' : `: ${why}`}`,
    ...breaches,
    ...(holds.length === 0 ? [] : ['  held by', ...holds]),
    ...(dependents.length === 0
      ? []
      : [`  ${counted(dependents.length, 'dependent')}`, ...alignedOf(style, dependents, 4)]),
  ]
}

export function pingLines(style: Style, { hosts }: PingAnswer): readonly string[] {
  const answered = hosts.filter(({ roundTripMs }) => roundTripMs !== null)
  const rows = hosts.map(({ host, roundTripMs, reason }) => [
    host,
    roundTripMs === null ? paint(style, 'red', 'no answer') : milliseconds(roundTripMs),
    reasonBeside(host, reason),
  ])
  const total =
    answered.length === hosts.length
      ? counted(hosts.length, 'host')
      : `${answered.length} of ${counted(hosts.length, 'host')}`
  return [...alignedOf(style, rows, 0), `${total} answered`]
}

function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)}ms` : formatDuration(ms)
}

/** What still keeps hosts shut after an undrain. */
export function stillHeldLines(style: Style, stillHeld: UndrainAnswer['stillHeld']): readonly string[] {
  const byHold = new Map<string, { readonly owner: string; readonly message: string; readonly hosts: Set<string> }>()
  for (const { host, holds } of stillHeld) {
    for (const { id, owner, message } of holds) {
      const entry = byHold.get(id) ?? { owner, message, hosts: new Set() }
      entry.hosts.add(host)
      byHold.set(id, entry)
    }
  }
  return [...byHold].flatMap(([id, { owner, message, hosts }]) => [
    `still held by ${owner}${message === '' ? '' : ` (${message})`}, ${id}`,
    ...columnsOf(style, [...hosts], 2),
  ])
}
