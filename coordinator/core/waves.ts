import { parseSelector } from '../../protocol/selector.ts'
import type { FleetNote } from './effect.ts'
import { isGone } from './links.ts'
import type { FleetPlan, FleetState, Movement, Movements, Placement } from './state.ts'
import { Table } from './table.ts'
import { holdsOn, isReleasable, seatOf, targetPlan, unready } from './wanted.ts'

type Direction = keyof Movements

/** In which wave each host of each target moves: the first selector that matches, else the last. */
export function place(plan: FleetPlan): Placement {
  const byTarget = [...plan.targets.values()].map((target): [string, ReadonlyMap<string, number>] => {
    const matchers = target.waves.map(parseSelector)
    const hosts = [...plan.hosts.values()].filter((host) => host.targets.includes(target.name))
    const waves = hosts.map((host): [string, number] => {
      const found = matchers.findIndex((matches) => matches(host))
      return [host.name, found === -1 ? matchers.length : found]
    })
    return [target.name, new Map(waves)]
  })
  return new Map(byTarget)
}

export function hasWaves(state: FleetState, target: string): boolean {
  return targetPlan(state, target).waves.length > 0
}

/** Place in the order of `direction`: undrain runs the waves in reverse. */
export function rank(state: FleetState, target: string, host: string, direction: Direction): number {
  const wave = placed(state, target).get(host) ?? 0
  return direction === 'drain' ? wave : targetPlan(state, target).waves.length - wave
}

function placed(state: FleetState, target: string): ReadonlyMap<string, number> {
  return state.placement.get(target) ?? new Map()
}

const resting: Movements = { drain: null, undrain: null }

function movementsOf(state: FleetState, target: string): Movements {
  return state.movements.get(target) ?? resting
}

/** Whether it is this host's turn. */
export function isTurn(state: FleetState, target: string, host: string, direction: Direction, atMs: number): boolean {
  const movement = movementsOf(state, target)[direction]
  if (movement === null || movement.wave === null) return true
  if (movement.late.has(host) || rank(state, target, host, direction) <= movement.wave) return true
  return direction === 'drain' && isRush(state, target, atMs)
}

/** Half of a gate's deadline has passed: all that remain are ordered at once. */
function isRush(state: FleetState, target: string, atMs: number): boolean {
  for (const hold of state.holds.values()) {
    if (hold.rushAtMs !== null && hold.targets.includes(target) && atMs >= hold.rushAtMs) return true
  }
  return false
}

/** Whether a wave need not wait for this host any more: done, failed, acknowledged or gone. */
export function isSettled(
  state: FleetState,
  target: string,
  name: string,
  direction: Direction,
  atMs: number,
): boolean {
  const host = state.hosts.get(name)
  const seat = seatOf(host, target)
  const wanted = holdsOn(state, name, target)
  if (wanted.length > 0 !== (direction === 'drain')) return true
  if (isGone(host, state.plan.unreachableGraceMs, atMs) || seat.trouble?.is === 'failed') return true
  if (seat.acknowledged === direction) return true
  const { report } = seat
  if (report === null)
    return state.plan.hosts.get(name)?.protocol === 'v1' && !state.owedUndrain.has(`${name}/${target}`)
  if (direction === 'undrain')
    return (
      report.is === 'open' || report.is === 'drifted' || report.holds.some((held) => !isReleasable(state, name, held))
    )
  return report.is === 'drained' && wanted.every((hold) => report.holds.some((held) => held.id === hold.id))
}

/** Looks at every host of a target with waves and says which wave moves now. */
export function moveWaves(
  state: FleetState,
  target: string,
  atMs: number,
): { state: FleetState; notes: readonly FleetNote[] } {
  if (!hasWaves(state, target)) return { state, notes: [] }
  const before = movementsOf(state, target)
  const now: Movements = {
    drain: advance(state, target, 'drain', before.drain, atMs),
    undrain: advance(state, target, 'undrain', before.undrain, atMs),
  }
  const notes = [
    ...noteWave(target, 'drained', before.drain, now.drain),
    ...noteWave(target, 'open', before.undrain, now.undrain),
  ]
  return { state: { ...state, movements: new Map(state.movements).set(target, now) }, notes }
}

function noteWave(
  target: string,
  want: 'drained' | 'open',
  before: Movement | null,
  now: Movement | null,
): readonly FleetNote[] {
  if (now === null || now.wave === null || before?.wave === now.wave) return []
  return [{ what: 'wave-started', target, want, wave: now.wave, hosts: now.pending.size }]
}

function advance(
  state: FleetState,
  target: string,
  direction: Direction,
  before: Movement | null,
  atMs: number,
): Movement | null {
  const unsettled = [...placed(state, target).keys()].filter((host) => !isSettled(state, target, host, direction, atMs))
  if (unsettled.length === 0) return null
  const ranks = new Map(unsettled.map((host) => [host, rank(state, target, host, direction)]))
  const late = new Set(unsettled.filter((host) => before?.late.has(host)))
  if (before === null || before.wave === null) return nextWave(ranks, late, atMs)
  const { wave } = before
  const pending = [...ranks].filter(([host, rank]) => rank <= wave && !late.has(host)).map(([host]) => host)
  if (pending.length === 0) return nextWave(ranks, late, atMs)
  if (isHeldUp(state, target, direction)) return { ...before, late, pending: tableOf(pending), sinceMs: atMs }
  if (atMs - before.sinceMs < limitOf(state, target, direction)) return { ...before, late, pending: tableOf(pending) }
  return nextWave(ranks, new Set([...late, ...pending]), atMs)
}

/** The first wave of those that are still on their way and not late. */
function nextWave(ranks: ReadonlyMap<string, number>, late: ReadonlySet<string>, atMs: number): Movement {
  const waiting = [...ranks].filter(([host]) => !late.has(host))
  if (waiting.length === 0) return { wave: null, sinceMs: atMs, pending: Table.of(), late }
  const wave = waiting.reduce((least, [, rank]) => Math.min(least, rank), Number.POSITIVE_INFINITY)
  const pending = waiting.filter(([, rank]) => rank === wave).map(([host]) => host)
  return { wave, sinceMs: atMs, pending: tableOf(pending), late }
}

function tableOf(hosts: readonly string[]): Table<true> {
  return Table.of(hosts.map((host) => [host, true] as const))
}

/** Nobody is ordered now, so no host can be late. */
function isHeldUp(state: FleetState, target: string, direction: Direction): boolean {
  if (state.superseded !== null) return true
  return direction === 'undrain' && (state.awaiting.size > 0 || unready(state, target).length > 0)
}

function limitOf(state: FleetState, target: string, direction: Direction): number {
  const { drainLimitMs, undrainLimitMs } = targetPlan(state, target)
  return direction === 'drain' ? drainLimitMs : undrainLimitMs
}

/** After an event of one host: whether the wave that moves has just lost its last unsettled one. */
export function leaveWave(
  state: FleetState,
  target: string,
  host: string,
  atMs: number,
): { state: FleetState; isOver: boolean } {
  const movements = movementsOf(state, target)
  const drain = without(state, target, host, 'drain', movements.drain, atMs)
  const undrain = without(state, target, host, 'undrain', movements.undrain, atMs)
  if (drain === movements.drain && undrain === movements.undrain) return { state, isOver: false }
  const isOver =
    (drain !== movements.drain && drain?.pending.size === 0) ||
    (undrain !== movements.undrain && undrain?.pending.size === 0)
  return { state: { ...state, movements: new Map(state.movements).set(target, { drain, undrain }) }, isOver }
}

function without(
  state: FleetState,
  target: string,
  host: string,
  direction: Direction,
  movement: Movement | null,
  atMs: number,
): Movement | null {
  if (movement === null || !movement.pending.has(host) || !isSettled(state, target, host, direction, atMs))
    return movement
  return { ...movement, pending: movement.pending.without(host) }
}
