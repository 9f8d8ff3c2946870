import type { HostProgress, ProgressAnswer, ProgressState } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import type { TargetReport } from '../../protocol/v2/report.ts'
import { select } from './drain.ts'
import { isGone } from './links.ts'
import type { FleetHold, FleetState, HostState, Seat } from './state.ts'
import { holding } from './undrain.ts'
import { hostsOf, seatOf, targetsOf, unready } from './wanted.ts'
import { isTurn } from './waves.ts'

/**
 * How far every host of a hold has come.
 * @throws GuardianError `unknown-hold` where it was released or never was
 */
export function drainProgress(state: FleetState, id: string, atMs: number): ProgressAnswer {
  const hold = state.holds.get(id)
  if (hold === undefined) {
    const text = state.released.has(id) ? `hold ${id} was released` : `no hold ${id}; see "guardian ctl holds"`
    throw new GuardianError('unknown-hold', text, { hold: id })
  }
  const hosts = hostsOf(state, hold).flatMap((host) => {
    const targets = targetsOf(state, host).filter((target) => hold.targets.includes(target))
    return targets.map((target) => draining(state, hold, host, target, atMs))
  })
  return answer(state, 'drained', hosts)
}

/** How far every selected host is from being open. */
export function undrainProgress(
  state: FleetState,
  { target, selector }: { readonly target?: string | undefined; readonly selector: string },
  atMs: number,
): ProgressAnswer {
  const targets = target === undefined ? [...state.plan.targets.keys()] : [target]
  const hosts = [...select(state, selector, targets)].sort().flatMap((host) => {
    const own = targetsOf(state, host).filter((each) => targets.includes(each))
    return own.map((each) => opening(state, host, each, atMs))
  })
  return answer(state, 'open', hosts)
}

function answer(state: FleetState, want: ProgressAnswer['want'], hosts: HostProgress[]): ProgressAnswer {
  const settled = hosts.every(({ is }) => is !== 'moving' && is !== 'waiting')
  return { want, settled, superseded: state.superseded !== null, hosts }
}

function progress(
  host: string,
  target: string,
  is: ProgressState,
  reason = '',
  units: readonly string[] = [],
): HostProgress {
  return {
    host,
    target,
    is,
    reason: reason.slice(0, limits.messageLength),
    units: units.slice(0, limits.dependentsMax),
  }
}

function draining(state: FleetState, hold: FleetHold, name: string, target: string, atMs: number): HostProgress {
  const host = state.hosts.get(name)
  const seat = seatOf(host, target)
  const { report } = seat
  const has = report?.holds.some((held) => held.id === hold.id) === true
  if (has && report?.is === 'drained') {
    const isKept = report.durable && hold.persisted
    return isKept
      ? progress(name, target, 'done', failedReason(report), report.failed)
      : progress(name, target, 'not-persisted', 'drained, but not on disk: a reboot would forget it')
  }
  if (seat.acknowledged === 'drain')
    return progress(
      name,
      target,
      'acknowledged',
      'an IO Guardian server: it does not wait for every unit and forgets at a reboot',
    )
  const lost = unlinked(state, host, name, target, atMs)
  if (lost !== null) return lost
  if (seat.trouble !== null) return progress(name, target, seat.trouble.is, seat.trouble.reason, seat.waitingOn)
  if (!has && !isTurn(state, target, name, 'drain', atMs))
    return progress(name, target, 'waiting', 'for the hosts of an earlier wave')
  return progress(name, target, 'moving', '', running(seat))
}

function failedReason(report: TargetReport): string {
  return report.failed.length === 0 ? '' : `ended failed: ${report.failed.join(', ')}`
}

function unlinked(
  state: FleetState,
  host: HostState | undefined,
  name: string,
  target: string,
  atMs: number,
): HostProgress | null {
  const link = host?.link
  if (link?.is === 'up') return null
  const reason = link?.reason ?? 'not configured'
  return progress(name, target, isGone(host, state.plan.unreachableGraceMs, atMs) ? 'unreachable' : 'moving', reason)
}

function running(seat: Seat): readonly string[] {
  if (seat.waitingOn.length > 0) return seat.waitingOn
  const running = seat.report?.dependents.filter(
    ({ active, processes }) => (active !== 'inactive' && active !== 'failed') || processes > 0,
  )
  return (running ?? []).map(({ unit }) => unit)
}

function opening(state: FleetState, name: string, target: string, atMs: number): HostProgress {
  const host = state.hosts.get(name)
  const seat = seatOf(host, target)
  const { report } = seat
  const holds = holding(state, name, target, atMs)
  if (holds.length > 0)
    return progress(name, target, 'held', holds.map((hold) => `${hold.owner} (${hold.id})`).join(', '))
  if (seat.acknowledged === 'undrain')
    return progress(name, target, 'acknowledged', 'an IO Guardian server: it does not say when every unit is up')
  const lost = unlinked(state, host, name, target, atMs)
  if (lost !== null) return lost
  if (report === null) return unreported(state, seat, name, target)
  if (report.is === 'open')
    return report.failed.length === 0
      ? progress(name, target, 'done')
      : progress(name, target, 'failed', `open, but failed: ${report.failed.join(', ')}`, report.failed)
  if (report.is === 'drifted')
    return progress(name, target, 'failed', `stopped on the host by hand: systemctl start it there`)
  if (seat.trouble !== null) return progress(name, target, seat.trouble.is, seat.trouble.reason, seat.waitingOn)
  if (state.awaiting.size > 0)
    return progress(name, target, 'waiting', `for the reports of ${[...state.awaiting].join(', ')} after the takeover`)
  const bad = unready(state, target)
  if (bad.length > 0) return progress(name, target, 'waiting', bad.join('; '))
  if (!isTurn(state, target, name, 'undrain', atMs))
    return progress(name, target, 'waiting', 'for the hosts of an earlier wave')
  return progress(name, target, 'moving', report.waitingFor)
}

/** No report: a v1 host that is owed nothing was never drained by us. */
function unreported(state: FleetState, { trouble }: Seat, name: string, target: string): HostProgress {
  if (trouble !== null) return progress(name, target, trouble.is, trouble.reason)
  const isV1 = state.plan.hosts.get(name)?.protocol === 'v1'
  if (isV1 && !state.owedUndrain.has(`${name}/${target}`))
    return progress(name, target, 'acknowledged', 'an IO Guardian server that was not drained')
  return progress(name, target, 'moving', 'no report yet')
}
