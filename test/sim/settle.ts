import type { FleetProcess } from './fleet-process.ts'
import type { SimHost } from './host.ts'
import type { Operators } from './operator.ts'
import { Violation } from './trace.ts'
import { seatsOf, stillRunning, wantedBy } from './truth.ts'
import type { World } from './world.ts'

const settleMs = 240_000
const calmMs = 5_000

/** L1: with everything up, every host reaches its desired state in bounded time, and stays there. */
export function settle(world: World, operators: Operators): void {
  const { schedule, random } = world
  const keep = random.pick([0, 0, 0.3, 1])
  const tidied = new Set<FleetProcess>()
  const endMs = schedule.nowMs + settleMs
  let calmSinceMs: number | null = null
  for (let why = 'nothing was looked at'; ; ) {
    if (schedule.nowMs >= endMs) throw new Violation('L1', `after ${settleMs / 1000} s: ${why}`)
    schedule.runUntil(schedule.nowMs + 500)
    const process = theOne(world, operators)
    if (process !== null && !tidied.has(process)) {
      tidied.add(process)
      operators.tidy(process, keep)
    }
    if (process !== null) operators.releaseUnreadable(process)
    const found = process === null ? 'no coordinator orders' : restlessness(world, process)
    if (found !== null) {
      why = found
      calmSinceMs = null
    } else {
      calmSinceMs ??= schedule.nowMs
      if (schedule.nowMs - calmSinceMs >= calmMs) return
    }
  }
}

/** The coordinator that is not superseded; where all are, a person chooses one. */
function theOne(world: World, operators: Operators): FleetProcess | null {
  if (world.primary === null) return null
  const free = [...world.processes].filter((process) => process.state.superseded === null)
  if (free.length === 0) operators.takeOver(world.primary)
  const [one] = free
  return free.length === 1 && one !== undefined ? one : null
}

/** What is not yet as it is to be; null where all is. */
function restlessness(world: World, process: FleetProcess): string | null {
  for (const { hold } of process.store.rows.values()) if (hold.end !== null) return `${hold.id} does not end`
  for (const { host, target } of seatsOf(world)) {
    const found = restlessSeat(process, host, target)
    if (found !== null) return `${host.name}/${target}: ${found}`
  }
  // What was ordered while the store was full may be forgotten, and a v1 server has no marker that remembers.
  if (world.hadRival || world.wasStoreFull) return null
  for (const v1 of world.v1Hosts.values()) {
    const isHeld = world.plan.targets.some((target) => wantedBy(process, v1.name, target.name).length > 0)
    if (isHeld !== v1.isDrained) return `${v1.name}: is ${v1.isDrained ? 'drained' : 'open'}, held: ${isHeld}`
  }
  return null
}

function restlessSeat(process: FleetProcess, host: SimHost, target: string): string | null {
  if (host.agent === null) return 'no agent'
  const marker = host.disk.markers.get(target) ?? []
  const wanted = wantedBy(process, host.name, target)
  const missing = wanted.filter((id) => !marker.some((hold) => hold.id === id))
  if (missing.length > 0) return `is not held by ${missing.join()}`
  const strange = marker.filter((hold) => !wanted.includes(hold.id) && hold.owner !== 'direct' && hold.owner !== 'v1')
  if (strange.length > 0)
    return `is held by ${strange.map((hold) => `${hold.owner} ${hold.id}`).join()}, which nobody wants`
  if (marker.length > 0) return stillRunning(host, target, 'all')[0] ?? null
  const unit = host.manager.unit(host.unitOf(target))
  if (unit.active !== 'active') return isLeftAlone(host, target) ? null : `is ${unit.active} and nothing holds it`
  return null
}

/** Drift: stopped by somebody else, and left alone. */
function isLeftAlone(host: SimHost, target: string): boolean {
  const duty = host.agent?.state.duties.get(target)
  return duty?.drifted === true && !duty.spec.enforce
}
