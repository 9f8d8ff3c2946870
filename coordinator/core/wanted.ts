import { gateOf, type Hold } from '../../protocol/hold.ts'
import type { FleetHold, FleetState, HostState, Seat, TargetPlan } from './state.ts'

// What is wanted of one host, and what is known of it. Desired state is the set of holds and nothing else.

export const emptySeat: Seat = { report: null, order: null, waitingOn: [], trouble: null, acknowledged: null }

export function seatOf(host: HostState | undefined, target: string): Seat {
  return host?.seats.get(target) ?? emptySeat
}

/** Of a host that is not configured: none. */
export function targetsOf(state: FleetState, host: string): readonly string[] {
  return state.plan.hosts.get(host)?.targets ?? []
}

/** A target that is not configured needs nothing and has no time. */
export function targetPlan(state: FleetState, target: string): TargetPlan {
  const none = { name: target, needs: [], waves: [], drainLimitMs: 0, undrainLimitMs: 0 }
  return state.plan.targets.get(target) ?? none
}

export function isHeldBy(hold: FleetHold, host: string, target: string): boolean {
  return hold.targets.includes(target) && hold.members.has(host) && !hold.except.has(host)
}

export function holdsOn(state: FleetState, host: string, target: string): readonly FleetHold[] {
  const found: FleetHold[] = []
  for (const hold of state.holds.values()) if (isHeldBy(hold, host, target)) found.push(hold)
  return found
}

/** The hosts of a hold that are still configured and were not taken out of it. */
export function hostsOf(state: FleetState, hold: FleetHold): readonly string[] {
  return [...hold.members].filter((host) => !hold.except.has(host) && state.plan.hosts.has(host)).sort()
}

/**
 * Whether a hold in a host's marker may go: this store released it, an undrain took the host out of it, or it is that
 * of a gate which is up.
 */
export function isReleasable(state: FleetState, host: string, held: Hold): boolean {
  const live = state.holds.get(held.id)
  if (live !== undefined) return live.except.has(host)
  if (state.released.has(held.id)) return true
  const resource = gateOf(held.owner)
  return resource !== null && isGateUp(state, resource) && !isOfLaterRun(state, held.id)
}

/** A gate may have gone down and ordered the host itself before its file was read here: that hold is not over. */
export function isOfLaterRun(state: FleetState, id: string): boolean {
  return [...state.resources].some(([resource, { gate }]) => {
    const prefix = `${resource}/${state.bootId}/`
    return id.startsWith(prefix) && Number(id.slice(prefix.length)) > (gate?.seq ?? 0)
  })
}

export function isGateUp(state: FleetState, resource: string): boolean {
  if (state.plan.resources.get(resource)?.gate == null) return false
  return state.resources.get(resource)?.gate?.is === 'up'
}

/** The hold by which a gate of this host keeps its targets shut; it comes and goes with what the gate's file says. */
export function isStanding(state: FleetState, hold: FleetHold): boolean {
  const resource = gateOf(hold.owner)
  return resource !== null && !hold.orphan && state.plan.resources.get(resource)?.gate != null
}

/** Resources that keep a target shut, with the reason. */
export function unready(state: FleetState, target: string): readonly string[] {
  return targetPlan(state, target).needs.flatMap((need) => {
    const plan = state.plan.resources.get(need)
    const now = state.resources.get(need)
    if (plan?.probed !== true || now?.ready === true) return []
    return [`${need}: ${now?.reason ?? 'not probed yet'}`]
  })
}

export function remainingMs(hold: FleetHold, atMs: number): number | null {
  return hold.end === null ? null : Math.max(0, hold.end.remainingMs - (atMs - hold.end.asOfMs))
}

/** A hold as it crosses the wire and stands in a marker. */
export function onWire(hold: FleetHold, atMs: number): Hold {
  const left = remainingMs(hold, atMs)
  const { id, owner, message, sinceMs, selector } = hold
  const wire = { id, owner, message, sinceMs, selector, except: exceptionsOnWire(hold) }
  return left === null ? wire : { ...wire, remainingMs: left }
}

const exceptionsLength = 4_000

// Only people read them, and a frame is not to break over them.
function exceptionsOnWire(hold: FleetHold): string[] {
  let length = 0
  return [...hold.except].sort().filter((host) => {
    length += host.length + 3
    return length <= exceptionsLength
  })
}
