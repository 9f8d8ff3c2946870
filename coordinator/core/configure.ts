import { applied, changed, type FleetStep, saveOf, settle } from './change.ts'
import { matching } from './drain.ts'
import type { FleetHold, FleetPlan, FleetState, HostState } from './state.ts'
import { Table } from './table.ts'
import { place } from './waves.ts'

/** The configuration was read again. Hosts that are new join the holds that match them; links that stay are untouched. */
export function configured(state: FleetState, plan: FleetPlan, atMs: number): FleetStep {
  const hosts = Table.of([...plan.hosts.keys()].map((name) => [name, state.hosts.get(name) ?? newHost(atMs)] as const))
  const resources = new Map(
    [...plan.resources.keys()].map((name) => [name, state.resources.get(name) ?? newResource(atMs)]),
  )
  const awaiting = new Set([...state.awaiting].filter((name) => plan.hosts.has(name)))
  const planned: FleetState = {
    ...state,
    plan,
    placement: place(plan),
    hosts,
    resources,
    awaiting,
    movements: new Map(),
  }
  const put = [...state.holds.values()]
    .map((hold) => withNewMembers(planned, hold))
    .filter((hold) => hold !== state.holds.get(hold.id))
  if (put.length === 0 && awaiting.size === state.awaiting.size) {
    const next = settle(planned, atMs, [])
    return { save: null, next, otherwise: next }
  }
  const change = { put, awaiting, isQuiet: put.length === 0 }
  const kept = applied(planned, change)
  const lost = changed(planned, { put: put.map((hold) => ({ ...hold, persisted: false })) })
  return { save: saveOf(kept, change), next: settle(kept, atMs, []), otherwise: settle(lost, atMs, []) }
}

export function newHost(atMs: number): HostState {
  return { link: { is: 'down', sinceMs: atMs, reason: 'not connected yet' }, seats: new Map() }
}

export function newResource(atMs: number) {
  return { ready: false, reason: 'not probed yet', sinceMs: atMs, gate: null }
}

/** Selectors are live: a host that matches now joins and stays until the release, whatever becomes of its tags. */
export function withNewMembers(state: FleetState, hold: FleetHold): FleetHold {
  const fresh = [...matching(state, hold.selector, hold.targets)].filter(
    (host) => !hold.members.has(host) && !hold.except.has(host),
  )
  return fresh.length === 0 ? hold : { ...hold, members: new Set([...hold.members, ...fresh]) }
}
