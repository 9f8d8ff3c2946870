import type { Hold } from '../../protocol/hold.ts'
import type { SimHost } from './host.ts'
import { Violation } from './trace.ts'
import { stillRunning } from './truth.ts'
import type { Unit } from './units.ts'
import type { World } from './world.ts'

interface Promised {
  readonly hold: string
  /** The host lost its disk since: exceptions 1 and 2 of DESIGN.md may open it. */
  isWeak: boolean
}

/**
 * S1: once an agent has said that a target is drained and that its marker is on disk, nothing guarded becomes active
 * before each of those holds is gone from the marker.
 */
export class Promises {
  readonly #world: World
  readonly #everKept = new Set<string>()
  readonly #bySeat = new Map<string, Map<string, Promised>>()

  constructor(world: World) {
    this.#world = world
  }

  /** An agent says `drained`: it must be so now. */
  said(host: SimHost, target: string): void {
    const running = stillRunning(host, target, 'seen')
    if (running.length === 0) return
    throw new Violation('S1', `the agent of ${host.name} said that ${target} is drained: ${running.join(', ')}`)
  }

  /** Somebody far away learns that a hold keeps a target drained: unless it was released since, it must do so now. */
  learned(host: SimHost, target: string, hold: string, who: string): void {
    const isMarked = host.disk.markers.get(target)?.some((kept) => kept.id === hold) === true
    if (!isMarked && this.#everKept.has(`${seatOf(host, target)} ${hold}`)) return
    if ([...this.#world.processes].some(({ store }) => store.released.has(hold))) return
    const running = stillRunning(host, target, 'guarded')
    if (running.length === 0) return
    throw new Violation('S2', `${who} learned that ${hold} drained ${target} of ${host.name}: ${running.join(', ')}`)
  }

  keep(host: SimHost, target: string, holds: readonly Hold[]): void {
    const seat = seatOf(host, target)
    const kept = this.#bySeat.get(seat) ?? new Map<string, Promised>()
    for (const { id } of holds) {
      kept.set(id, { hold: id, isWeak: false })
      this.#everKept.add(`${seat} ${id}`)
    }
    this.#bySeat.set(seat, kept)
  }

  /**
   * Forgets what the marker no longer has; whether it might go was judged when it went. What is drained stays so until
   * the last hold is gone, whichever that is.
   */
  follow(host: SimHost): void {
    for (const spec of host.setup.targets) {
      const kept = this.#bySeat.get(seatOf(host, spec.name))
      if (kept === undefined || kept.size === 0) continue
      const marker = host.disk.markers.get(spec.name)
      for (const [id, promised] of kept) {
        if (promised.isWeak || marker?.some((hold) => hold.id === id) === true) continue
        kept.delete(id)
        for (const { id: next } of marker ?? []) if (!kept.has(next)) kept.set(next, { hold: next, isWeak: false })
      }
    }
  }

  weaken(host: SimHost): void {
    for (const spec of host.setup.targets) {
      for (const promised of this.#bySeat.get(seatOf(host, spec.name))?.values() ?? []) promised.isWeak = true
    }
  }

  activated(host: SimHost, unit: Unit): void {
    if (!unit.spec.guarded) return
    const kept = this.#bySeat.get(seatOf(host, unit.spec.target))
    if (kept === undefined || kept.size === 0) return
    for (const { hold, isWeak } of kept.values()) {
      if (isWeak && this.#isExcepted(host, hold)) continue
      throw new Violation('S1', `${unit.spec.name} of ${host.name} became active while ${hold} holds it`)
    }
  }

  #isExcepted(host: SimHost, hold: string): boolean {
    const { expectCoordinator, bootWithoutCoordinatorMs } = host.setup.policy
    if (!expectCoordinator || this.#world.hadRival || this.#world.wasForced.has(host.name)) return true
    if (![...this.#world.processes].some((process) => process.store.rows.has(hold))) return true
    const held = this.#world.primary?.store.rows.get(hold)?.hold
    if (held?.except.has(host.name) === true || held?.members.has(host.name) === false) return true
    const aloneMs = this.#world.schedule.nowMs - host.bootedAtMs
    return bootWithoutCoordinatorMs !== null && aloneMs >= bootWithoutCoordinatorMs
  }
}

function seatOf(host: SimHost, target: string): string {
  return `${host.name}/${target}`
}
