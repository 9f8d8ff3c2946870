import type { FleetProcess } from './fleet-process.ts'
import type { SimHost } from './host.ts'
import type { World } from './world.ts'

// What really is, as against what any daemon believes.

/** Which units of a target count: those that the drain promises, or also those that nobody can keep from starting. */
export type Scope = 'guarded' | 'seen' | 'all'

/**
 * Units of a target that still run. One that is not guarded may have started after the agent last looked (`seen` leaves
 * it out then); nobody can promise more of it than that it is stopped again.
 */
export function stillRunning(host: SimHost, target: string, scope: Scope): string[] {
  const allowed = host.setup.targets.find((spec) => spec.name === target)?.allowLeftovers ?? []
  const readAtMs = host.bus.readAtMs.get(target) ?? 0
  const found: string[] = []
  for (const unit of host.manager.units.values()) {
    if (unit.spec.target !== target || unit.spec.role === 'wait') continue
    const isDown = unit.isStopped && (unit.processes === 0 || allowed.includes(unit.spec.name))
    if (isDown) continue
    const isExcused = scope === 'guarded' || (scope === 'seen' && unit.startedAtMs >= readAtMs)
    if (isExcused && !unit.spec.guarded) continue
    found.push(`${unit.spec.name} is ${unit.active} with ${unit.processes} processes`)
  }
  return found
}

/** Holds that a store wants on one target of one host. */
export function wantedBy(process: FleetProcess, host: string, target: string): string[] {
  const found: string[] = []
  for (const [id, { hold }] of process.store.rows) {
    if (hold.targets.includes(target) && hold.members.has(host) && !hold.except.has(host)) found.push(id)
  }
  return found
}

export function seatsOf(world: World): { readonly host: SimHost; readonly target: string }[] {
  return world.hosts.flatMap((host) => host.setup.targets.map((spec) => ({ host, target: spec.name })))
}
