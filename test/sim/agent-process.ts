import type { AgentEffect, AgentSave } from '../../agent/core/effect.ts'
import type { AgentEvent } from '../../agent/core/event.ts'
import type { AgentState } from '../../agent/core/state.ts'
import type { Next, Step } from '../../protocol/step.ts'
import type { ClientMessage } from '../../protocol/v2.ts'
import { Crash, DiskFull } from './disk.ts'
import type { SimHost } from './host.ts'
import type { Acceptor, Connection } from './network.ts'
import { Violation } from './trace.ts'
import type { World } from './world.ts'

const reportEveryMs = 10_000

/** An event without its time: the process reads the clock when it takes it. */
export type Untimed<Event> = Event extends unknown ? Omit<Event, 'atMs'> : never

/** One life of `guardian agent`: the core, driven as daemon/loop.ts drives it, and its small adapters. */
export class AgentProcess implements Acceptor {
  state: AgentState
  isAlive = true
  /** Crash points left to live; counted down at every save, file and effect. */
  instantsLeft = Number.POSITIVE_INFINITY
  readonly host: SimHost
  readonly links = new Map<string, Connection>()
  readonly v1Links = new Map<string, (action: 'drain' | 'undrain', ok: boolean) => void>()
  readonly askers = new Map<string, (isOpen: boolean) => void>()
  readonly #world: World
  readonly #queue: Untimed<AgentEvent>[] = []
  #isReportDue = false
  #isBusy = false

  constructor(world: World, host: SimHost) {
    this.#world = world
    this.host = host
    const specs = host.setup.targets
    this.state = world.cores.agentBegin.begin({
      policy: host.setup.policy,
      bootId: host.bootId,
      seen: host.disk.seen,
      specs,
      records: new Map(specs.map((spec) => [spec.name, host.disk.recordOf(spec.name)])),
      atMs: host.clockMs(),
    })
    world.watch.agentBegan(this)
    const beat = () => this.#beat()
    world.schedule.after(world.random.between(1, 1_000), () => {
      if (beat()) world.schedule.every(1_000, beat)
    })
    world.schedule.every(reportEveryMs, () => {
      this.#reportSoon()
      return this.isAlive
    })
  }

  /** What an effect brings about has its turn once every effect of its step is done. */
  dispatch(event: Untimed<AgentEvent>): void {
    this.#queue.push(event)
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#endure(next)
    } finally {
      this.#isBusy = false
    }
  }

  #endure(event: Untimed<AgentEvent>): void {
    if (!this.isAlive) return
    try {
      this.#take({ ...event, atMs: this.host.clockMs() })
    } catch (cause) {
      if (!(cause instanceof Crash)) throw cause
      this.#world.note(this.host.name, 'agent crashes')
      if (this.#world.chaos(0.15)) this.host.losePower(false)
      else this.host.agentDied(true)
    }
  }

  heard(connection: Connection, message: ClientMessage): void {
    const link = connection.id
    switch (message.type) {
      case 'hello':
        this.links.set(link, connection)
        this.dispatch({ type: 'greeted', link, hello: message })
        return
      case 'command':
        this.dispatch({ type: 'commanded', link, command: message })
        return
      case 'ping':
        this.dispatch({ type: 'pinged', link, nonce: message.nonce, claim: message.claim })
        return
      case 'status':
        this.dispatch({ type: 'status-asked', link })
        return
      case 'job':
        return
      default:
        message satisfies never
    }
  }

  left(connection: Connection): void {
    if (this.links.delete(connection.id)) this.dispatch({ type: 'link-closed', link: connection.id })
  }

  /** Where the next of so many instants ends the process. */
  instant = (): void => {
    this.instantsLeft -= 1
    if (this.instantsLeft <= 0) throw new Crash('agent')
  }

  #beat(): boolean {
    if (this.isAlive) this.#tickAll()
    return this.isAlive
  }

  #tickAll(): void {
    for (const target of this.state.duties.keys()) {
      const nonce = this.#world.random.hex32()
      this.dispatch({ type: 'tick', target, nonce, wallMs: this.host.wallMs() })
    }
  }

  #take(event: AgentEvent): void {
    const before = this.state
    const step = this.#decide(before, event)
    if (event.type !== 'tick' && event.type !== 'viewed' && event.type !== 'probed' && event.type !== 'pinged') {
      this.#world.note(this.host.name, event.type, event)
    }
    this.#world.watch.agentTakes(this, { event, before, step })
    const course = step.save === null ? step.next : this.#persist(step, step.save)
    this.state = course.state
    this.#world.watch.agentStepped(this, { event, before, step })
    for (const effect of course.effects) {
      this.instant()
      this.#perform(effect)
    }
    if (this.state === before || event.type === 'tick') return
    // The tick behind an event stands in the same queue as whatever else happens.
    if (this.#world.random.chance(0.7)) this.#tickAll()
    else this.#world.schedule.after(this.#world.random.between(0, 30), () => this.#tickAll())
  }

  #decide(before: AgentState, event: AgentEvent): Step<AgentState, AgentSave, AgentEffect> {
    try {
      return this.#world.cores.agentStep.step(before, event)
    } catch (cause) {
      throw new Violation('bug', `agent of ${this.host.name} threw on ${event.type}: ${String(cause)}`)
    }
  }

  #persist(step: Step<AgentState, AgentSave, AgentEffect>, save: AgentSave): Next<AgentState, AgentEffect> {
    this.instant()
    try {
      this.host.disk.save(save, this.instant)
      this.instant()
      return step.next
    } catch (cause) {
      if (!(cause instanceof DiskFull)) throw cause
      this.#world.note(this.host.name, 'disk full')
      return step.otherwise
    }
  }

  #perform(effect: AgentEffect): void {
    const { host } = this
    switch (effect.type) {
      case 'send':
        this.#world.watch.agentSays(this, effect.link, effect.message)
        this.links.get(effect.link)?.answer(effect.message)
        return
      case 'send-v1':
        this.v1Links.get(effect.link)?.(effect.action, effect.ok)
        return
      case 'close':
        this.links.get(effect.link)?.hangUp()
        this.links.delete(effect.link)
        return
      case 'report':
        this.#reportSoon()
        return
      case 'stop':
        host.bus.stop(effect.target, effect.round)
        return
      case 'start':
        this.#world.watch.agentStarts(this, effect.target)
        host.bus.start(effect.target)
        return
      case 'tell-open':
        this.#world.watch.agentTellsOpen(this, effect.target)
        this.#world.note(host.name, 'tells guardian wait: open', effect.target)
        this.askers.get(effect.asker)?.(true)
        return
      case 'helper':
        return
      case 'note':
        this.#world.note(host.name, effect.note.what, effect.note)
        return
      default:
        effect satisfies never
    }
  }

  /** Many reports in a row are sent as one. */
  #reportSoon(): void {
    if (this.#isReportDue) return
    this.#isReportDue = true
    this.#world.schedule.after(this.#world.random.between(1, 50), () => {
      this.#isReportDue = false
      if (!this.isAlive) return
      const coordinators = [...this.state.links.values()].filter((link) => link.role === 'coordinator')
      if (coordinators.length === 0) return
      const report = this.#world.cores.agentReport.reportOf(this.state)
      this.#world.watch.agentSays(this, null, report)
      for (const link of coordinators) this.links.get(link.id)?.answer(report)
    })
  }
}
