import type { SimHost } from './host.ts'
import { viewOf } from './units.ts'
import type { World } from './world.ts'

/**
 * The agent's adapter to systemd: calls go out in order and take their time, a call or a signal may be lost (the
 * manager re-executes itself), views arrive late but in order, and a slow check stands behind the signals.
 */
export class Bus {
  readonly #world: World
  readonly #host: SimHost
  readonly #rounds = new Map<string, number>()
  readonly #due = new Set<string>()
  readonly #shown = new Map<string, string>()
  #callAtMs = 0
  #viewAtMs = 0
  #isOpen = true
  /** When the last view that was delivered had been read, by target. */
  readonly readAtMs = new Map<string, number>()

  constructor(world: World, host: SimHost) {
    this.#world = world
    this.#host = host
    const targets = host.setup.targets.map((spec) => spec.name)
    for (const target of targets) this.#readSoon(target)
    world.schedule.every(world.plan.slowCheckMs, () => {
      if (this.#isOpen) for (const target of targets) this.#read(target)
      return this.#isOpen
    })
  }

  close(): void {
    this.#isOpen = false
  }

  stop(target: string, round: number): void {
    const { random, plan } = this.#world
    this.#call(() => {
      const unit = this.#host.unitOf(target)
      this.#world.note(this.#host.name, `StopUnit ${unit} round ${round}`)
      this.#host.manager.stop(unit, true)
      // Where systemd's answer is lost the agent cannot know that it was heard.
      if (!random.chance(plan.lostCalls)) this.#rounds.set(target, round)
      this.#readSoon(target)
    })
  }

  start(target: string): void {
    this.#call(() => {
      const { manager } = this.#host
      const failed = manager.unitsOf(target).filter((unit) => unit.active === 'failed')
      for (const unit of failed) manager.resetFailed(unit.spec.name)
      const isAccepted = manager.start(this.#host.unitOf(target))
      this.#world.note(this.#host.name, `StartUnit ${this.#host.unitOf(target)} ${isAccepted ? 'accepted' : 'refused'}`)
      this.#readSoon(target)
    })
  }

  /** A unit of this target changed: systemd sends a signal, mostly. */
  signalled(target: string): void {
    if (this.#isOpen && !this.#world.random.chance(this.#world.plan.lostSignals)) this.#readSoon(target)
  }

  #call(call: () => void): void {
    const { random, schedule, plan } = this.#world
    if (random.chance(plan.lostCalls)) {
      this.#world.note(this.#host.name, 'bus call lost')
      return
    }
    this.#callAtMs = Math.max(this.#callAtMs, schedule.nowMs + random.between(1, 15))
    const { life } = this.#host
    // Once sent it is systemd's, whatever becomes of the agent.
    schedule.at(this.#callAtMs, () => {
      if (this.#host.life === life && this.#host.power !== 'off') call()
    })
  }

  #readSoon(target: string): void {
    if (this.#due.has(target)) return
    this.#due.add(target)
    this.#world.schedule.after(this.#world.random.between(1, 10), () => {
      this.#due.delete(target)
      this.#read(target)
    })
  }

  #read(target: string): void {
    const { random, schedule, plan } = this.#world
    const agent = this.#host.agent
    if (!this.#isOpen || agent === null) return
    const round = this.#rounds.get(target) ?? 0
    const version = `${round} ${this.#host.versions.get(target)}`
    const readAtMs = schedule.nowMs
    if (this.#shown.get(target) === version) return
    this.#shown.set(target, version)
    const view = viewOf(this.#host.manager.unitsOf(target), round)
    this.#viewAtMs = Math.max(this.#viewAtMs, readAtMs + random.between(0, plan.slowViewsMs))
    schedule.at(this.#viewAtMs, () => {
      if (!this.#isOpen || view === null) return
      this.readAtMs.set(target, readAtMs)
      agent.dispatch({ type: 'viewed', target, view })
    })
  }
}
