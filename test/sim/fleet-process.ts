import type { FleetAnswer, FleetEffect, FleetSave } from '../../coordinator/core/effect.ts'
import type { FleetEvent } from '../../coordinator/core/event.ts'
import type { FleetState } from '../../coordinator/core/state.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Next, Step } from '../../protocol/step.ts'
import { Crash, DiskFull } from './disk.ts'
import { HostLink } from './host-link.ts'
import type { Store } from './store.ts'
import { Violation } from './trace.ts'
import { V1Link } from './v1.ts'
import type { World } from './world.ts'

export type UntimedFleet<Event> = Event extends unknown ? Omit<Event, 'atMs' | 'wallMs'> : never
export type FleetHappening = UntimedFleet<FleetEvent>

/** What came of a request; `null` where the process died first: outcome unknown. */
export type Outcome = { readonly answer: FleetAnswer } | { readonly refused: GuardianError } | null

/** One life of `guardian coordinator`. */
export class FleetProcess {
  state: FleetState
  isAlive = true
  /** Hung: takes nothing until it goes on. */
  isSilent = false
  instantsLeft = Number.POSITIVE_INFINITY
  readonly name: string
  readonly store: Store
  /** The last verdict that was delivered, by resource. */
  readonly probes = new Map<string, boolean>()
  readonly #world: World
  readonly #links = new Map<string, HostLink | V1Link>()
  readonly #waiting: (() => void)[] = []

  constructor(world: World, name: string, store: Store) {
    this.#world = world
    this.name = name
    this.store = store
    const atMs = world.io.clockMs()
    const loaded = store.open(world.random.hex32(), { id: world.io.bootId, atMs })
    const { bootId } = world.io
    this.state = world.cores.fleetBegin.begin({ ...loaded, plan: world.fleetPlan, build: 'sim', bootId, atMs })
    world.note(name, 'begins', { claim: this.state.claim, superseded: this.state.superseded })
  }

  /** What main does once the state stands: the gates' files, the probes, the links, the clock. */
  open(): void {
    const { schedule, random, plan } = this.#world
    for (const resource of plan.gated) this.readGate(resource)
    for (const resource of plan.resources) this.#probe(resource)
    for (const { name } of this.#world.fleetPlan.hosts.values()) this.#join(name)
    const beat = () => {
      this.dispatch({ type: 'tick' })
      return this.isAlive
    }
    schedule.after(random.between(1, 1_000), () => beat() && schedule.every(1_000, beat))
  }

  configure(): void {
    if (!this.isAlive) return
    const { hosts } = this.#world.fleetPlan
    for (const [name, link] of this.#links) {
      if (hosts.has(name)) continue
      link.stop()
      this.#links.delete(name)
    }
    for (const name of hosts.keys()) this.#join(name)
    this.dispatch({ type: 'configured', plan: this.#world.fleetPlan })
  }

  /** A request of a person or a gate. `told` may never be called: then nobody knows. */
  ask(happening: FleetHappening, told: (outcome: Outcome) => void): void {
    if (!this.isAlive) {
      told(null)
      return
    }
    this.dispatch(happening, told)
    if (!this.isAlive) told(null)
  }

  readGate(resource: string): void {
    const file = this.#world.gateFiles.get(resource)
    const gate = file !== undefined && file.bootId === this.#world.io.bootId ? file : null
    this.dispatch({ type: 'gate-read', resource, gate })
  }

  dispatch(happening: FleetHappening, told: (outcome: Outcome) => void = () => {}): void {
    if (!this.isAlive) return
    if (this.isSilent) {
      this.#waiting.push(() => this.dispatch(happening, told))
      return
    }
    const { io } = this.#world
    try {
      this.#take({ ...happening, atMs: io.clockMs(), wallMs: io.wallMs() }, told)
    } catch (cause) {
      if (!(cause instanceof Crash)) throw cause
      this.#world.note(this.name, 'crashes')
      if (this.#world.chaos(0.1)) this.#world.io.losePower()
      else this.die()
    }
  }

  clockMs(): number {
    return this.#world.io.clockMs()
  }

  goOn(): void {
    this.isSilent = false
    for (const run of this.#waiting.splice(0)) run()
  }

  die(): void {
    if (!this.isAlive) return
    this.isAlive = false
    for (const link of this.#links.values()) link.stop()
    this.#world.fleetDied(this)
  }

  #join(host: string): void {
    if (this.#links.has(host)) return
    const v1 = this.#world.v1Hosts.get(host)
    const link = v1 === undefined ? new HostLink(this.#world, this, host) : new V1Link(this.#world, this, v1)
    this.#links.set(host, link)
  }

  #instant = (): void => {
    this.instantsLeft -= 1
    if (this.instantsLeft <= 0) throw new Crash('coordinator')
  }

  #take(event: FleetEvent, told: (outcome: Outcome) => void): void {
    const step = this.#decide(this.state, event)
    if (step instanceof GuardianError) {
      this.#world.note(this.name, `refuses ${event.type}`, step.message)
      told({ refused: step })
      return
    }
    this.#trace(event)
    if (event.type === 'probed') this.probes.set(event.resource, event.ready)
    this.#world.watch.fleetTakes(this, { event, step })
    const course = step.save === null ? step.next : this.#persist(step, step.save)
    this.state = course.state
    this.#world.watch.fleetStepped(this, { event, step, course })
    for (const effect of course.effects) {
      this.#instant()
      this.#perform(effect)
    }
    const { answer } = course
    told(answer instanceof GuardianError ? { refused: answer } : { answer })
  }

  #trace(event: FleetEvent): void {
    switch (event.type) {
      case 'tick':
      case 'round-trip':
      case 'probed':
        return
      case 'told':
        if (event.message.type !== 'progress') this.#world.note(this.name, `told by ${event.host}`, event.message)
        return
      default:
        this.#world.note(this.name, event.type, event)
    }
  }

  #decide(
    before: FleetState,
    event: FleetEvent,
  ): Step<FleetState, FleetSave, FleetEffect, FleetAnswer> | GuardianError {
    try {
      return this.#world.cores.fleetStep.step(before, event)
    } catch (cause) {
      if (cause instanceof GuardianError) return cause
      const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
      throw new Violation('bug', `${this.name} threw on ${event.type}: ${text}`)
    }
  }

  #persist(
    step: Step<FleetState, FleetSave, FleetEffect, FleetAnswer>,
    save: FleetSave,
  ): Next<FleetState, FleetEffect, FleetAnswer> {
    this.#instant()
    try {
      this.store.commit(save, this.#world.io.bootId)
    } catch (cause) {
      if (!(cause instanceof DiskFull)) throw cause
      this.#world.note(this.name, 'store full')
      return step.otherwise
    }
    this.#instant()
    return step.next
  }

  #perform(effect: FleetEffect): void {
    switch (effect.type) {
      case 'send': {
        this.#world.watch.fleetSends(this, effect.host, effect.message)
        this.#world.note(this.name, `→ ${effect.host}`, effect.message)
        const link = this.#links.get(effect.host)
        if (link instanceof HostLink) link.send(effect.link, effect.message)
        return
      }
      case 'send-v1': {
        const link = this.#links.get(effect.host)
        if (link instanceof V1Link) link.send(effect.link, effect.action)
        return
      }
      case 'close':
        this.#links.get(effect.host)?.close(effect.link, effect.reason)
        return
      case 'note':
        this.#world.note(this.name, effect.note.what, effect.note)
        return
      case 'send-job':
      case 'run-hook':
      case 'tell-outcome':
      case 'rollout-event':
        return
      default:
        effect satisfies never
    }
  }

  #probe(resource: string): void {
    const { schedule, random, plan } = this.#world
    const look = () => {
      const ready = this.#world.isUp(resource)
      schedule.after(random.between(1, 50), () => this.dispatch({ type: 'probed', resource, ready, reason: '' }))
      return this.isAlive
    }
    look()
    schedule.every(plan.probeEveryMs, look)
  }
}
