import { gateOf } from '../../protocol/hold.ts'
import { applied, changed, type FleetStep, owedBy, saveOf, settle } from './change.ts'
import { matching } from './drain.ts'
import { withoutTargets } from './links.ts'
import type { FleetHold, FleetPlan, FleetState, HostState } from './state.ts'
import { Table } from './table.ts'
import { place } from './waves.ts'

/** The configuration was read again. Hosts that are new join the holds that match them; links that stay are untouched. */
export function configured(state: FleetState, plan: FleetPlan, atMs: number): FleetStep {
  const hosts = Table.of([...plan.hosts.keys()].map((name) => [name, state.hosts.get(name) ?? newHost(atMs)] as const))
  const resources = new Map(
    [...plan.resources.keys()].map((name) => [name, state.resources.get(name) ?? newResource(atMs)]),
  )
  const awaiting = stillAwaited(plan, state.awaiting)
  const fresh: FleetState = {
    ...state,
    plan,
    placement: place(plan),
    hosts,
    resources,
    awaiting,
    movements: new Map(),
  }
  const planned = [...plan.hosts.keys()].reduce(withoutTargets, fresh)
  const holds = [...state.holds.values()].map((hold) => withNewMembers(planned, hold))
  const put = holds.filter((hold) => hold !== state.holds.get(hold.id))
  const owe = owedBy(planned, holds)
  if (put.length + owe.length === 0 && awaiting.size === state.awaiting.size) {
    const next = settle(planned, atMs, [])
    return { save: null, next, otherwise: next }
  }
  const change = { put, owe, awaiting, isQuiet: put.length === 0 }
  const kept = applied(planned, change)
  const lost = changed(planned, { put: put.map((hold) => ({ ...hold, persisted: false })), owe })
  return { save: saveOf(kept, change), next: settle(kept, atMs, []), otherwise: settle(lost, atMs, []) }
}

export function newHost(atMs: number): HostState {
  return { link: { is: 'down', sinceMs: atMs, reason: 'not connected yet' }, seats: new Map(), jobs: null }
}

export function newResource(atMs: number) {
  return { ready: false, reason: 'not probed yet', sinceMs: atMs, gate: null }
}

/** Only a configured v2 host can report. */
export function stillAwaited(plan: FleetPlan, awaiting: Iterable<string>): ReadonlySet<string> {
  return new Set([...awaiting].filter((name) => plan.hosts.get(name)?.protocol === 'v2'))
}

/**
 * Selectors are live: a host that matches now joins and stays until the release, whatever becomes of its tags. Not so an
 * orphan's: it is the word of one host, and whoever has that host's key would order the others.
 */
export function withNewMembers(state: FleetState, hold: FleetHold): FleetHold {
  if (hold.orphan) return hold
  const targets = [...new Set([...hold.targets, ...gatedTargets(state.plan, gateOf(hold.owner))])]
  const fresh = [...matching(state, hold.selector, targets)].filter(
    (host) => !hold.members.has(host) && !hold.except.has(host),
  )
  if (fresh.length === 0 && targets.length === hold.targets.length) return hold
  return { ...hold, targets, members: new Set([...hold.members, ...fresh]) }
}

/** Targets that a gate keeps shut while it is down. */
export function gatedTargets(plan: FleetPlan, resource: string | null): readonly string[] {
  const found = [...plan.targets.values()].filter(({ needs }) => resource !== null && needs.includes(resource))
  return found.map(({ name }) => name)
}
