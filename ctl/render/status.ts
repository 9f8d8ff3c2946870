import type { FleetStatus, HoldStatus, ResourceStatus } from '../../protocol/api.ts'
import { formatDuration } from '../../protocol/duration.ts'
import { gateOf } from '../../protocol/hold.ts'
import { allHolds } from './hold-list.ts'
import { type SeatWords, wordsOf } from './seat.ts'
import { alignedOf, columnsOf, counted, type Ink, paint, type Style, shortIds, someOf, wrapped } from './style.ts'

/** A status whose coordinator may be missing: agents asked directly know none. */
export type FleetView = Omit<FleetStatus, 'claim'> & { readonly claim: FleetStatus['claim'] | null }

interface Row {
  readonly host: string
  readonly target: string
  readonly words: SeatWords
}

/** The whole fleet: what needs an eye line by line, everything else as lists of names. */
export function statusLines(style: Style, fleet: FleetView): readonly string[] {
  const rows = fleet.hosts.flatMap((host) =>
    host.targets.map((seat): Row => ({ host: host.name, target: seat.target, words: wordsOf(host, seat) })),
  )
  const holds = allHolds(fleet)
  const lists = [
    list(style, rows, 'open', 'OPEN'),
    list(style, rows, 'drained', 'DRAINED, as wanted'),
    list(style, rows, 'acknowledged', 'ACKNOWLEDGED by v1 hosts, which cannot confirm it'),
  ]
  return [
    ...headingOf(style, fleet, rows),
    ...alarmsOf(style, fleet),
    ...section(
      style,
      'RESOURCES',
      alignedOf(
        style,
        fleet.resources.map((one) => resourceRow(style, one)),
      ),
    ),
    ...section(style, `HOLDS (${holds.length})`, holdRows(style, holds, fleet.nowMs)),
    ...section(style, 'NOT AS WANTED', restlessRows(style, rows)),
    ...lists.flat(),
  ]
}

function section(style: Style, title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', paint(style, 'bold', title), ...lines]
}

const sums: readonly (readonly [sum: HostSum, ink: Ink])[] = [
  ['open', 'green'],
  ['drained', 'yellow'],
  ['not as wanted', 'yellow'],
  ['unreachable', 'red'],
]
type HostSum = 'open' | 'drained' | 'not as wanted' | 'unreachable'

function headingOf(style: Style, fleet: FleetView, rows: readonly Row[]): readonly string[] {
  const rowsOf = new Map(fleet.hosts.map(({ name }): [string, Row[]] => [name, []]))
  for (const row of rows) rowsOf.get(row.host)?.push(row)
  const byHost = fleet.hosts.map(({ name, connected }) => sumOf(connected, rowsOf.get(name) ?? []))
  const shown = sums.flatMap(([sum, ink]) => {
    const figure = byHost.filter((one) => one === sum).length
    return figure === 0 ? [] : [paint(style, ink, `${figure} ${sum}`)]
  })
  const claim =
    fleet.claim === null ? '' : `${fleet.build}, epoch ${fleet.claim.epoch}, revision ${fleet.claim.revision}`
  return [
    `${paint(style, 'bold', counted(fleet.hosts.length, 'host'))}${shown.length === 0 ? '' : `: ${shown.join(', ')}`}`,
    ...(claim === '' ? [] : [paint(style, 'dim', claim)]),
  ]
}

/** A host of several targets is counted once, by the one that is worst off. */
function sumOf(isConnected: boolean, rows: readonly Row[]): HostSum {
  if (!isConnected) return 'unreachable'
  if (rows.some(({ words }) => words.fine === null)) return 'not as wanted'
  return rows.every(({ words }) => words.fine === 'open') ? 'open' : 'drained'
}

function alarmsOf(style: Style, fleet: FleetView): readonly string[] {
  const alarms: string[] = []
  if (fleet.superseded !== null) {
    const { host, seen } = fleet.superseded
    alarms.push(
      `SUPERSEDED: host ${host} follows another coordinator (epoch ${seen.epoch}, revision ${seen.revision}); this one orders nothing. If it is to be the only one: guardian coordinator takeover`,
    )
  }
  if (fleet.awaiting.length > 0) {
    alarms.push(
      `TAKEOVER: no host is opened until all have reported or been excused; missing: ${someOf(fleet.awaiting)}. Excuse one: guardian coordinator takeover --excuse HOST`,
    )
  }
  const breached = fleet.hosts
    .filter(({ targets }) => targets.some(({ breaches }) => breaches > 0))
    .map(({ name }) => name)
  if (breached.length > 0) {
    alarms.push(
      `BREACHES: units that nothing guards became active on drained hosts and were stopped again: ${someOf(breached)}. See guardian ctl host ${breached[0]}`,
    )
  }
  return alarms.flatMap((text) => ['', ...wrapped(style, text).map((line) => paint(style, 'red', line))])
}

function resourceRow(style: Style, resource: ResourceStatus): readonly string[] {
  const ready = resource.ready ? paint(style, 'green', 'ready') : paint(style, 'red', 'not ready')
  const gate = resource.gate === 'none' ? '' : `gate ${resource.gate === 'up' ? 'up' : paint(style, 'yellow', 'down')}`
  const reason = resource.reason === '' ? '' : `: ${resource.reason}`
  return [resource.name, ready, gate, `for ${formatDuration(resource.sinceMs)}${reason}`]
}

function holdRows(style: Style, holds: readonly HoldStatus[], nowMs: number): readonly string[] {
  const short = shortIds(holds.map(({ id }) => id))
  const rows = holds.map((hold) => [
    short.get(hold.id) ?? hold.id,
    hold.owner,
    formatDuration(Math.max(0, nowMs - hold.sinceMs)),
    reachOf(hold),
    [...marksOf(hold), hold.message].filter((text) => text !== '').join('; '),
  ])
  return alignedOf(style, rows)
}

/** Which hosts a hold is on, as short as it can be said. */
export function reachOf(hold: HoldStatus): string {
  const hosts = hold.hosts.length === 1 ? (hold.hosts[0] ?? '') : counted(hold.hosts.length, 'host')
  const asked =
    hold.selector === '*' || hold.selector === hosts || hold.selector.length > 20 ? '' : ` (${hold.selector})`
  return `${hosts}${asked}`
}

/** What is unusual about a hold. */
export function marksOf(hold: HoldStatus): readonly string[] {
  return [
    hold.orphan
      ? `orphan: this coordinator never gave it${gateOf(hold.owner) === null ? '' : ', ends when its gate is up'}`
      : '',
    hold.persisted ? '' : 'not persisted',
    hold.except.length > 0 ? `except ${someOf(hold.except, 3)}` : '',
    hold.remainingMs === undefined ? '' : `ends in ${formatDuration(hold.remainingMs)}`,
  ].filter((text) => text !== '')
}

function restlessRows(style: Style, rows: readonly Row[]): readonly string[] {
  const several = new Set(rows.map(({ target }) => target)).size > 1
  const restless = rows.filter(({ words }) => words.fine === null)
  return alignedOf(
    style,
    restless.map(({ host, target, words }) => [
      host,
      ...(several ? [target] : []),
      paint(style, words.ink, words.word),
      words.why,
    ]),
  )
}

function list(style: Style, rows: readonly Row[], fine: SeatWords['fine'], title: string): readonly string[] {
  const targets = [...new Set(rows.map(({ target }) => target))]
  return targets.flatMap((target) => {
    const names = rows.filter((row) => row.target === target && row.words.fine === fine).map(({ host }) => host)
    const of = targets.length > 1 ? `${target} ` : ''
    return names.length === 0 ? [] : section(style, `${of}${title} (${names.length})`, columnsOf(style, names))
  })
}
