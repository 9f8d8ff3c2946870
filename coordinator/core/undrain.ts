import type { UndrainAnswer, UndrainRequest } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Hold } from '../../protocol/hold.ts'
import { applied, type FleetStep, noted, saveOf, settle, still } from './change.ts'
import { refuseSuperseded, refuseUnknownTarget, select } from './drain.ts'
import type { FleetHold, FleetState } from './state.ts'
import { holdsOn, hostsOf, isOfLaterRun, isReleasable, isStanding, onWire, seatOf } from './wanted.ts'

interface Release {
  readonly released: readonly string[]
  readonly narrowed: readonly FleetHold[]
}

const notPersisted = new GuardianError(
  'not-persisted',
  'the store cannot be written, so no hold was released; free space in the state directory and try again',
)

/** An operator ends holds. Refused whole where the store cannot remember it. */
export function undrainAsked(state: FleetState, request: UndrainRequest, atMs: number): FleetStep {
  refuseSuperseded(state)
  const targets = request.target === undefined ? [...state.plan.targets.keys()] : [request.target]
  for (const target of targets) refuseUnknownTarget(state, target)
  const hosts = select(state, request.selector, targets)
  const release =
    request.hold === undefined ? inside(state, hosts, targets, request.force) : oneHold(state, request.hold)
  const change = { put: release.narrowed, release: release.released }
  const after = applied(state, change)
  const answer = undrainAnswer(after, hosts, targets, release, atMs)
  if (request.dryRun || (release.released.length === 0 && release.narrowed.length === 0))
    return still(state, [], answer)
  return {
    save: saveOf(after, change),
    next: settle(after, atMs, notesOf(state, release), answer),
    otherwise: { state, effects: [], answer: notPersisted },
  }
}

/** Holds inside the selection end; larger ones lose the selected hosts. Gates' and orphans only when forced. */
function inside(state: FleetState, hosts: ReadonlySet<string>, targets: readonly string[], force: boolean): Release {
  const touched = [...state.holds.values()].filter(
    (hold) =>
      (force || (hold.owner.startsWith('operator:') && !hold.orphan)) &&
      isWithin(state, hold, targets) &&
      hostsOf(state, hold).some((host) => hosts.has(host)),
  )
  const isWhole = (hold: FleetHold) =>
    hostsOf(state, hold).every((host) => hosts.has(host)) && !hold.owner.startsWith('gate:')
  const narrowed = touched.filter((hold) => !isWhole(hold)).map((hold) => without(hold, hosts))
  return { released: touched.filter(isWhole).map((hold) => hold.id), narrowed }
}

/** Of a target that left the configuration nobody can be undrained any more. */
function isWithin({ plan }: FleetState, hold: FleetHold, targets: readonly string[]): boolean {
  const known = hold.targets.filter((target) => plan.targets.has(target))
  return known.length > 0 && known.every((target) => targets.includes(target))
}

function without(hold: FleetHold, hosts: ReadonlySet<string>): FleetHold {
  return { ...hold, except: new Set([...hold.except, ...[...hosts].filter((host) => hold.members.has(host))]) }
}

/** By id: whoever owns it, also one that only an agent knows. A gate's own stays empty, or a restart would take it again. */
function oneHold(state: FleetState, id: string): Release {
  const live = state.holds.get(id)
  if (live !== undefined && isStanding(state, live)) return { released: [], narrowed: [without(live, live.members)] }
  if (live !== undefined) return { released: [id], narrowed: [] }
  // Once released it could not hold anybody when the gate comes to it.
  if (isOfLaterRun(state, id))
    throw new GuardianError(
      'held',
      `${id} names a run that its gate has not come to here; release it on the host, by "guardian ctl --direct undrain --hold ID"`,
      { hold: id },
    )
  const isCarried = [...state.hosts.values()].some((host) =>
    [...host.seats.values()].some((seat) => seat.report?.holds.some((held) => held.id === id)),
  )
  if (isCarried || state.released.has(id)) return { released: state.released.has(id) ? [] : [id], narrowed: [] }
  throw new GuardianError('unknown-hold', `no hold ${id}; see "guardian ctl holds"`, { hold: id })
}

function undrainAnswer(
  state: FleetState,
  hosts: ReadonlySet<string>,
  targets: readonly string[],
  release: Release,
  atMs: number,
): UndrainAnswer {
  const stillHeld = [...hosts]
    .sort()
    .flatMap((host) =>
      targets
        .map((target) => ({ host, target, holds: holding(state, host, target, atMs) }))
        .filter(({ holds }) => holds.length > 0),
    )
  const narrowed = release.narrowed.map((hold) => ({ hold: hold.id, except: [...hold.except].sort() }))
  return { released: [...release.released], narrowed, hosts: [...hosts].sort(), stillHeld }
}

/** Everything that keeps a target of a host drained: the fleet's holds and the agent's own. */
export function holding(state: FleetState, host: string, target: string, atMs: number): Hold[] {
  const wanted = holdsOn(state, host, target).map((hold) => onWire(hold, atMs))
  const carried = seatOf(state.hosts.get(host), target).report?.holds ?? []
  const own = carried.filter((held) => !wanted.some((hold) => hold.id === held.id) && !isReleasable(state, host, held))
  return [...wanted, ...own]
}

function notesOf(state: FleetState, { released, narrowed }: Release) {
  const ended = released.map((id) => ({
    what: 'hold-released' as const,
    hold: id,
    owner: state.holds.get(id)?.owner ?? 'agent',
  }))
  const less = narrowed.map((hold) => ({ what: 'hold-narrowed' as const, hold: hold.id, owner: hold.owner }))
  return noted(...ended, ...less)
}
