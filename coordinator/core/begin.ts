import type { Claim } from '../../protocol/authority.ts'
import { newHost, newResource } from './configure.ts'
import type { FleetHold, FleetPlan, FleetState, Superseded } from './state.ts'
import { Table } from './table.ts'
import { place } from './waves.ts'

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
  readonly atMs: number
}): FleetState {
  const { plan, build, bootId, claim, superseded, atMs } = facts
  return {
    plan,
    placement: place(plan),
    build,
    bootId,
    claim,
    superseded,
    highest: superseded === null ? claim : superseded.seen,
    awaiting: new Set(facts.awaiting),
    holds: new Map(facts.holds.map((hold) => [hold.id, hold])),
    released: new Set(facts.released),
    owedUndrain: new Set(facts.owedUndrain),
    hosts: Table.of([...plan.hosts.keys()].map((name) => [name, newHost(atMs)] as const)),
    resources: new Map([...plan.resources.keys()].map((name) => [name, newResource(atMs)])),
    movements: new Map(),
    nextCommand: 1,
  }
}
