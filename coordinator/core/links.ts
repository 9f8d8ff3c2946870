import { asMessage } from '../../protocol/names.ts'
import type { FleetState, HostState, LinkState, Seat } from './state.ts'
import { seatOf, targetsOf } from './wanted.ts'

/** The link id of a host that is connected, or null. */
export function linkOf(host: HostState | undefined): string | null {
  return host?.link.is === 'up' ? host.link.link : null
}

export function isGone(host: HostState | undefined, graceMs: number, atMs: number): boolean {
  return host === undefined || (host.link.is === 'down' && atMs - host.link.sinceMs >= graceMs)
}

export function withLink(state: FleetState, name: string, link: LinkState): FleetState {
  const host = state.hosts.get(name)
  return host === undefined ? state : { ...state, hosts: state.hosts.with(name, { ...host, link }) }
}

export function withSeat(state: FleetState, name: string, target: string, change: Partial<Seat>): FleetState {
  const host = state.hosts.get(name)
  return host === undefined ? state : { ...state, hosts: state.hosts.with(name, seated(host, target, change)) }
}

export function seated(host: HostState, target: string, change: Partial<Seat>): HostState {
  return { ...host, seats: new Map(host.seats).set(target, { ...seatOf(host, target), ...change }) }
}

/** What the agent was not configured with can neither be drained nor ever be reported. */
export function withoutTargets(state: FleetState, name: string): FleetState {
  const link = state.hosts.get(name)?.link
  const known = link?.is === 'up' ? link.targets : null
  if (known === null) return state
  const unknown = targetsOf(state, name).filter((target) => !known.includes(target))
  const reason = (target: string) =>
    asMessage(`the agent of ${name} has no target named ${target}; it has: ${known.join(', ')}`)
  return unknown.reduce(
    (now, target) => withSeat(now, name, target, { report: null, trouble: { is: 'failed', reason: reason(target) } }),
    state,
  )
}

/** A new link begins without orders under way; what was reported stays until a new report replaces it. */
export function afresh(host: HostState): HostState {
  const seats = [...host.seats].map(([target, seat]): [string, Seat] => [
    target,
    { ...seat, order: null, waitingOn: [], trouble: null, acknowledged: null },
  ])
  return { ...host, seats: new Map(seats), jobs: null }
}
