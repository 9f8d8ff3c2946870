import type { Next, Step } from '../../protocol/step.ts'
import type { FleetAnswer, FleetEffect, FleetNote, FleetSave, RolloutSave } from './effect.ts'
import { reconcileAll } from './reconcile.ts'
import type { FleetHold, FleetState, Superseded } from './state.ts'
import { hostsOf } from './wanted.ts'

export type FleetStep = Step<FleetState, FleetSave, FleetEffect, FleetAnswer>
export type FleetNext = Next<FleetState, FleetEffect, FleetAnswer>

/** A change of what is wanted. Absent parts stay as they are. */
export interface Change {
  readonly put?: readonly FleetHold[]
  readonly release?: readonly string[]
  readonly owe?: FleetSave['owedUndrain']
  readonly superseded?: Superseded | null
  readonly awaiting?: ReadonlySet<string>
  readonly rollouts?: RolloutSave
  /** Leaves the revision alone: nothing that an agent could notice. */
  readonly isQuiet?: boolean
}

export function still(state: FleetState, effects: readonly FleetEffect[] = [], answer: FleetAnswer = null): FleetStep {
  const next = { state, effects, answer }
  return { save: null, next, otherwise: next }
}

export function noted(...notes: readonly FleetNote[]): readonly FleetEffect[] {
  return notes.map((note) => ({ type: 'note', note }))
}

/** The state once `change` is durable, with the next revision. */
export function applied(state: FleetState, change: Change): FleetState {
  const revision = state.claim.revision + (change.isQuiet === true ? 0 : 1)
  return { ...changed(state, change), claim: { ...state.claim, revision } }
}

/** The same in memory only: the revision stays, or a restart would look like a restored store. */
export function changed(state: FleetState, change: Change): FleetState {
  const holds = new Map(state.holds)
  for (const hold of change.put ?? []) holds.set(hold.id, hold)
  const { release = [] } = change
  for (const id of release) holds.delete(id)
  const released = release.length === 0 ? state.released : new Set([...state.released, ...release])
  return {
    ...state,
    holds,
    released,
    owedUndrain: owed(state, change.owe ?? []),
    superseded: change.superseded === undefined ? state.superseded : change.superseded,
    awaiting: change.awaiting ?? state.awaiting,
  }
}

function owed(state: FleetState, owe: FleetSave['owedUndrain']): ReadonlySet<string> {
  if (owe.length === 0) return state.owedUndrain
  const seats = new Set(state.owedUndrain)
  for (const { seat, owed: isOwed } of owe) isOwed ? seats.add(seat) : seats.delete(seat)
  return seats
}

/** What the store is to write so that a restart knows `change`. */
export function saveOf(now: FleetState, change: Change): FleetSave {
  return {
    claim: now.claim,
    superseded: now.superseded,
    awaiting: [...now.awaiting],
    put: change.put ?? [],
    release: change.release ?? [],
    owedUndrain: change.owe ?? [],
    ...(change.rollouts === undefined ? {} : { rollouts: change.rollouts }),
  }
}

/** Reconciles the whole fleet with what is now wanted. */
export function settle(
  state: FleetState,
  atMs: number,
  effects: readonly FleetEffect[],
  answer: FleetAnswer = null,
): FleetNext {
  const course = reconcileAll(state, atMs)
  return { state: course.state, effects: [...effects, ...course.effects], answer }
}

/** v1 hosts among the members are owed an undrain from the moment at which they may have been drained. */
export function owedBy(state: FleetState, holds: readonly FleetHold[]): FleetSave['owedUndrain'] {
  return v1Seats(state, holds)
    .filter((seat) => !state.owedUndrain.has(seat))
    .map((seat) => ({ seat, owed: true }))
}

/** `<host>/<target>` of every v1 host that these holds may drain. */
export function v1Seats(state: FleetState, holds: readonly FleetHold[]): readonly string[] {
  const seats = holds.flatMap((hold) =>
    hostsOf(state, hold).flatMap((host) => {
      const spec = state.plan.hosts.get(host)
      const targets = spec?.protocol === 'v1' ? spec.targets.filter((target) => hold.targets.includes(target)) : []
      return targets.map((target) => `${host}/${target}`)
    }),
  )
  return [...new Set(seats)]
}
