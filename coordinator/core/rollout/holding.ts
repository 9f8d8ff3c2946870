import type { Owner } from '../../../protocol/hold.ts'
import { isGone } from '../links.ts'
import type { FleetHold, FleetState } from '../state.ts'
import { holdsOn, hostsOf, isReleasable, seatOf, targetPlan, targetsOf } from '../wanted.ts'
import { holdIdOf } from './ids.ts'
import { actionOf } from './kinds.ts'
import type { Scene } from './scene.ts'
import type { HostRun, Rollout } from './state.ts'

// A run drains its host by a hold like any other. It touches no hold but its own.

/** Whether its host, or with it the fleet, is drained at all. */
export function hasDrain({ state, rollout, run }: Scene): boolean {
  const { enable } = rollout.policy.drain
  return enable && rollout.options.drain && targetsHeldBy(state, rollout, run).length > 0
}

/**
 * The coordinator's own host has the database: where that stops, by a reboot or by a unit that holds its data, every host
 * that needs it is drained first, and opened after it is back.
 */
export function isFleetWide(state: FleetState, rollout: Rollout, run: HostRun): boolean {
  if (run.host !== state.plan.rebuilds.self) return false
  const gated = [...state.plan.resources.values()].filter(({ gate }) => gate !== null)
  if (gated.length === 0) return false
  return (
    actionOf(rollout, run) === 'reboot' ||
    gated.some(({ units }) => units.some((unit) => run.facts.touches.includes(unit)))
  )
}

function targetsHeldBy(state: FleetState, rollout: Rollout, run: HostRun): readonly string[] {
  if (!isFleetWide(state, rollout, run)) return targetsOf(state, run.host)
  return [...state.plan.targets.keys()]
}

export function holdFor({ state, rollout, run }: Scene, wallMs: number): FleetHold {
  const isWide = isFleetWide(state, rollout, run)
  const owner: Owner = `rollout:${rollout.id}`
  const members = isWide ? [...state.plan.hosts.keys()] : [run.host]
  return {
    id: holdIdOf(rollout.request, run.host, run.attempt, run.holds),
    targets: targetsHeldBy(state, rollout, run),
    selector: isWide ? '*' : run.host,
    except: new Set(),
    members: new Set(members),
    owner,
    message: isWide ? `${run.host}, which has the database, is rebuilt` : rollout.message,
    sinceMs: wallMs,
    end: null,
    orphan: false,
    persisted: true,
    rushAtMs: null,
  }
}

/**
 * Everything that its hold is on has stopped, and a reboot would not start it: its own host for certain, the others of
 * the fleet as far as they can be reached.
 */
export function isDrained({ state, run, atMs }: Scene): boolean {
  const hold = run.hold === null ? undefined : state.holds.get(run.hold)
  if (hold === undefined) return false
  return hostsOf(state, hold).every((name) => {
    const host = state.hosts.get(name)
    if (name !== run.host && isGone(host, state.plan.unreachableGraceMs, atMs)) return true
    if (host?.link.is !== 'up') return false
    const targets = targetsOf(state, name).filter((target) => hold.targets.includes(target))
    return targets.every((target) => {
      const seat = seatOf(host, target)
      if (seat.acknowledged === 'drain') return true
      const { report } = seat
      return report?.is === 'drained' && report.durable && report.holds.some(({ id }) => id === hold.id)
    })
  })
}

/** What still keeps the host shut that is not this run's: others' holds, also those that only its agent knows. */
export function heldByOthers({ state, run }: Scene): readonly string[] {
  const host = state.hosts.get(run.host)
  const owners = targetsOf(state, run.host).flatMap((target) => {
    const carried = seatOf(host, target).report?.holds ?? []
    const own = carried.filter((held) => held.id !== run.hold && !isReleasable(state, run.host, held))
    const wanted = holdsOn(state, run.host, target).filter(({ id }) => id !== run.hold)
    return [...wanted, ...own].map(({ owner }) => owner)
  })
  return [...new Set(owners)]
}

/** Every target of the host is open. */
export function isServing({ state, run }: Scene): boolean {
  const host = state.hosts.get(run.host)
  if (host?.link.is !== 'up') return false
  return targetsOf(state, run.host).every((target) => seatOf(host, target).report?.is === 'open')
}

export function openingMs(state: FleetState, host: string): number {
  return Math.max(0, ...targetsOf(state, host).map((target) => targetPlan(state, target).undrainLimitMs))
}
