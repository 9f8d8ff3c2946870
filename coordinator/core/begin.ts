import type { Claim } from '../../protocol/authority.ts'
import { v1Seats } from './change.ts'
import { newHost, newResource, stillAwaited, withNewMembers } from './configure.ts'
import { beginRollouts, type StoredRollouts } from './rollout/begin.ts'
import { noRollouts } from './rollout/state.ts'
import type { FleetHold, FleetPlan, FleetState, Superseded } from './state.ts'
import { Table } from './table.ts'
import { moveWaves, place } from './waves.ts'

/** The state of a coordinator that has just started: what its store says, and no host seen yet. */
export function begin(facts: {
  readonly plan: FleetPlan
  readonly build: string
  readonly bootId: string
  /** Already committed: an epoch above that of the last start, and a fresh instance. */
  readonly claim: Claim
  readonly superseded: Superseded | null
  readonly awaiting: readonly string[]
  readonly holds: readonly FleetHold[]
  readonly released: Iterable<string>
  readonly owedUndrain: Iterable<string>
  /** Absent where there has never been one. */
  readonly rollouts?: StoredRollouts
  readonly atMs: number
}): FleetState {
  const { plan, build, bootId, claim, superseded, atMs } = facts
  const stored: FleetState = {
    plan,
    placement: place(plan),
    build,
    bootId,
    claim,
    superseded,
    highest: superseded === null ? claim : superseded.seen,
    awaiting: stillAwaited(plan, facts.awaiting),
    unmarked: new Set(),
    holds: new Map(),
    released: new Set(facts.released),
    owedUndrain: new Set(facts.owedUndrain),
    hosts: Table.of([...plan.hosts.keys()].map((name) => [name, newHost(atMs)] as const)),
    resources: new Map([...plan.resources.keys()].map((name) => [name, newResource(atMs)])),
    movements: new Map(),
    nextCommand: 1,
    rollouts: facts.rollouts === undefined ? noRollouts : beginRollouts(facts.rollouts),
  }
  // No order goes out of turn, also not to the first host that reports.
  return [...plan.targets.keys()].reduce(
    (state, target) => moveWaves(state, target, atMs).state,
    withNewcomers(stored, facts.holds),
  )
}

/** Hosts that were configured while no coordinator ran. The next tick makes their membership durable. */
function withNewcomers(stored: FleetState, before: readonly FleetHold[]): FleetState {
  const grown = before.map((hold): FleetHold => {
    const now = withNewMembers(stored, hold)
    return now === hold ? hold : { ...now, persisted: false }
  })
  const holds = new Map(grown.map((hold) => [hold.id, hold]))
  return { ...stored, holds, owedUndrain: new Set([...stored.owedUndrain, ...v1Seats(stored, grown)]) }
}
