import type { BudgetStatus } from '../../../protocol/rollout/api.ts'
import type { Budget } from '../../../protocol/rollout/policy.ts'
import { parseSelector } from '../../../protocol/selector.ts'
import type { FleetState, HostSpec } from '../state.ts'
import { hostsOf, seatOf } from '../wanted.ts'
import { holdsSlot, isEnded, phaseOf } from './kinds.ts'

// How many may be out of service at once, whatever the cause: held by anybody, not open, not connected, on its way through a
// rollout or left behind by one, and the machines that reboot under a FleetLock. Drains by people and gates are never refused,
// they only count. A host is begun only where every budget that it belongs to has room, so that no mix of causes that a
// rollout could see beforehand takes more hosts out than one of them allows.

const always: ReadonlyMap<string, Budget> = new Map([['any', { select: '*', maxUnavailable: 1 }]])

export function budgetsOf({ plan }: FleetState): ReadonlyMap<string, Budget> {
  return plan.rebuilds.budgets.size === 0 ? always : plan.rebuilds.budgets
}

export type Room =
  | { readonly is: 'out' | 'free' }
  | { readonly is: 'full'; readonly budget: string; readonly max: number; readonly taken: readonly string[] }

/** Whether a host may leave service: one that is out of it already costs nothing. */
export function roomFor(state: FleetState, host: string, out: ReadonlySet<string>): Room {
  return out.has(host) ? { is: 'out' } : roomAmong(state, host, out)
}

/** The same for one that is in service though it counts as out of it. */
export function roomToReturn(state: FleetState, host: string): Room {
  const others = new Set([...outOfService(state)].filter((name) => name !== host))
  return roomAmong(state, host, others)
}

function roomAmong(state: FleetState, host: string, out: ReadonlySet<string>): Room {
  for (const [name, budget] of budgetsOf(state)) {
    if (!membersOf(state, budget).some((spec) => spec.name === host)) continue
    const room = roomIn(state, name, budget, out)
    if (room.is === 'full') return room
  }
  return { is: 'free' }
}

function roomIn(state: FleetState, name: string, budget: Budget, out: ReadonlySet<string>): Room {
  const max = maxOf(state, budget)
  const taken = takenOf(state, name, budget, out)
  return taken.length + 1 > max ? { is: 'full', budget: name, max, taken } : { is: 'free' }
}

function membersOf({ plan }: FleetState, { select }: Budget): readonly HostSpec[] {
  return [...plan.hosts.values()].filter(parseSelector(select))
}

function maxOf(state: FleetState, budget: Budget): number {
  const { maxUnavailable } = budget
  if (typeof maxUnavailable === 'number') return maxUnavailable
  const share = (membersOf(state, budget).length * Number.parseInt(maxUnavailable, 10)) / 100
  return Math.max(1, Math.floor(share))
}

function takenOf(state: FleetState, name: string, budget: Budget, out: ReadonlySet<string>): readonly string[] {
  const hosts = membersOf(state, budget).flatMap((spec) => (out.has(spec.name) ? [spec.name] : []))
  const locks = [...state.rollouts.locks.values()].filter(({ group, id }) => group === name && !hosts.includes(id))
  return [...hosts, ...locks.map(({ id }) => id)]
}

export function budgetStatuses(state: FleetState): BudgetStatus[] {
  const out = outOfService(state)
  return [...budgetsOf(state)].map(([name, budget]) => ({
    name,
    unavailable: [...takenOf(state, name, budget, out)],
    max: maxOf(state, budget),
  }))
}

/** Room for a machine that is no host of the fleet. */
export function roomForLock(state: FleetState, group: string, budget: Budget): Room {
  return roomIn(state, group, budget, outOfService(state))
}

/** One that a person gave up does not count until a later rollout has it, or it speaks. */
export function outOfService(state: FleetState): ReadonlySet<string> {
  const out = new Set<string>()
  for (const hold of state.holds.values()) for (const host of hostsOf(state, hold)) out.add(host)
  for (const spec of state.plan.hosts.values()) if (!isSeenServing(state, spec)) out.add(spec.name)
  const givenUp = new Map<string, boolean>()
  // Oldest first: of a host that was given up, a later rollout knows better.
  for (const [id, runs] of state.rollouts.runs) {
    const rollout = state.rollouts.all.get(id)
    const isOver = rollout === undefined || isEnded(rollout)
    for (const run of runs.values()) {
      if (!isOver && holdsSlot(run)) out.add(run.host)
      givenUp.set(run.host, run.released && phaseOf(run) === 'troubled')
    }
  }
  for (const [host, isGivenUp] of givenUp) if (isGivenUp) out.delete(host)
  return out
}

function isSeenServing({ hosts, owedUndrain }: FleetState, { name, protocol, targets }: HostSpec): boolean {
  const host = hosts.get(name)
  if (host?.link.is !== 'up') return false
  if (protocol === 'v1') return targets.every((target) => !owedUndrain.has(`${name}/${target}`))
  return targets.every((target) => seatOf(host, target).report?.is === 'open')
}
