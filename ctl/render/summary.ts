import type { HostProgress, ProgressState } from '../../protocol/api.ts'
import { hasSeveralTargets, stateWord, type Want } from './progress.ts'
import { counted, paint, reasonBeside, type Style, someOf, unbroken, wrapped } from './style.ts'

export interface SummaryView {
  readonly want: Want
  readonly hosts: readonly HostProgress[]
  readonly elapsedMs: number
  /** The drain's hold; null for an undrain. */
  readonly hold: string | null
  readonly persisted: boolean
  readonly superseded: boolean
  /** Acknowledgements of v1 hosts count as done. */
  readonly trustV1: boolean
  /** True where agents were ordered without a coordinator. */
  readonly direct: boolean
}

/** The last words: how many hosts are where they were wanted, which are not and why, and what to do next. */
export function summaryLines(style: Style, view: SummaryView): readonly string[] {
  const good = view.hosts.filter((host) => isGood(view, host))
  const bad = view.hosts.filter((host) => !isGood(view, host))
  const verb = view.want === 'drained' ? 'drained' : 'opened'
  const of = hasSeveralTargets(view.hosts) ? 'target' : 'host'
  const total =
    good.length === view.hosts.length ? counted(good.length, of) : `${good.length} of ${counted(view.hosts.length, of)}`
  const first = `${verb} ${total} in ${elapsed(view.elapsedMs)}`
  const isWhole = bad.length === 0 && view.persisted && !view.superseded
  return [
    paint(style, isWhole ? 'green' : 'red', first),
    ...[...notesOf(good), ...troublesOf(view, bad)].flatMap((line) => wrapped(style, line, 2)),
    ...adviceOf(view, bad).flatMap((line) => wrapped(style, `next: ${line}`, 2)),
  ]
}

function elapsed(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)}ms` : `${(ms / 1_000).toFixed(1)}s`
}

function isGood(view: SummaryView, { is }: HostProgress): boolean {
  return is === 'done' || (is === 'acknowledged' && view.trustV1)
}

/** A unit that ended failed is drained all the same, but somebody should know. */
function notesOf(good: readonly HostProgress[]): readonly string[] {
  return good.filter(({ is, reason }) => is === 'done' && reason !== '').map(({ host, reason }) => `${host}: ${reason}`)
}

/** Hosts with the same fate and reason share a line; every host that is not well is named. */
function troublesOf(view: SummaryView, bad: readonly HostProgress[]): readonly string[] {
  const groups = new Map<string, { readonly host: HostProgress; readonly names: string[] }>()
  for (const host of bad) {
    const key = `${host.is} ${reasonBeside(host.host, host.reason)}`
    const group = groups.get(key) ?? { host, names: [] }
    group.names.push(hasSeveralTargets(view.hosts) ? `${host.host} (${host.target})` : host.host)
    groups.set(key, group)
  }
  const lines = [...groups.values()].map(({ host, names }) => {
    const reason = reasonBeside(host.host, host.reason) || host.units.join(', ')
    return `${names.join(', ')} ${fateOf(view, host.is, names.length)}${reason === '' ? '' : `: ${reason}`}`
  })
  if (view.superseded) lines.push('this coordinator has been superseded by another one and orders nothing')
  if (!view.persisted)
    lines.push('the coordinator could not save the hold: it does not survive a restart of the coordinator')
  return lines
}

function fateOf(view: SummaryView, is: ProgressState, count: number): string {
  const word = stateWord(view.want, is)
  if (is === 'failed' || is === 'refused') return word
  return `${count === 1 ? 'is' : 'are'} ${is === 'moving' ? 'still ' : ''}${word}`
}

function adviceOf(view: SummaryView, bad: readonly HostProgress[]): readonly string[] {
  const having = (...states: readonly ProgressState[]) => bad.filter(({ is }) => states.includes(is))
  const lines: string[] = []
  if (view.superseded)
    lines.push('ask the other coordinator, or make this one the only one: guardian coordinator takeover')
  const unreachable = having('unreachable')
  if (unreachable.length > 0) lines.push(adviceUnreachable(view, unreachable))
  const failed = having('failed')
  if (failed[0] !== undefined) lines.push(adviceFailed(view, failed[0]))
  if (having('refused').length > 0)
    lines.push('give the key that these hosts know: --psk-file, with --derived where each host has its own')
  if (having('deadline', 'moving', 'waiting').length > 0) lines.push(adviceLate(view))
  if (having('not-persisted').length > 0 || !view.persisted)
    lines.push('free space on the disk, then give the order again')
  if (having('held').length > 0) lines.push(adviceHeld(view))
  if (having('acknowledged').length > 0) {
    lines.push('a v1 host cannot say that its services have stopped: look there, or accept its word with --trust-v1')
  }
  return lines
}

function adviceUnreachable(view: SummaryView, hosts: readonly HostProgress[]): string {
  const names = someOf(hosts.map(({ host }) => host))
  if (view.direct)
    return `see that io-guardian.service runs on ${names} and that the port is open, then give the order again`
  const undo = view.hold === null ? '' : `; to undo: ${unbroken(`guardian ctl undrain --hold ${view.hold}`)}`
  const what = view.want === 'drained' ? 'drained' : 'opened'
  return `${names} will be ${what} as soon as the coordinator reaches ${hosts.length === 1 ? 'it' : 'them'}${undo}`
}

function adviceFailed(view: SummaryView, { host }: HostProgress): string {
  return view.direct
    ? `on ${host}: journalctl -u io-guardian -e`
    : `guardian ctl host ${host}, and there: journalctl -u io-guardian -e`
}

function adviceLate(view: SummaryView): string {
  const goes = view.want === 'drained' ? 'the drain goes on' : 'they open as soon as they may'
  return view.direct ? `${goes}: guardian ctl --direct status` : `${goes}: guardian ctl status --watch`
}

function adviceHeld(view: SummaryView): string {
  return view.direct
    ? 'release a hold of another owner on purpose: guardian ctl --direct undrain --hold ID'
    : "guardian ctl holds shows why; a gate's hold ends when its resource is up again, another with guardian ctl undrain --hold ID"
}
