import type { Policy, TargetSpec } from '../../agent/core/state.ts'
import { AgentProcess } from './agent-process.ts'
import { Bus } from './bus.ts'
import { AgentDisk } from './disk.ts'
import type { Acceptor, Connection, Server } from './network.ts'
import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'
import { Manager, type ManagerHost } from './systemd.ts'
import type { Unit, UnitSpec } from './units.ts'
import { runWait } from './wait.ts'
import type { World } from './world.ts'

export interface HostSetup {
  readonly name: string
  readonly policy: Policy
  readonly targets: readonly TargetSpec[]
  readonly units: readonly UnitSpec[]
}

/** One server: its power, its disk, its systemd, and the agent while it lives. */
export class SimHost implements ManagerHost, Server {
  readonly name: string
  readonly setup: HostSetup
  readonly disk = new AgentDisk()
  readonly manager: Manager
  readonly random: Random
  readonly schedule: Schedule
  readonly rough: number
  agent: AgentProcess | null = null
  bus: Bus
  power: 'on' | 'stopping' | 'off' = 'off'
  bootId = ''
  /** Raised at each loss of power, so that what was under way is known to be of another life. */
  life = 0
  blockedIn = false
  blockedOut = false
  /** A person stopped the unit, or it is kept from starting: nobody restarts it. */
  isAgentKept = false
  wallSkewMs = 0
  /** Raised whenever a unit of the target changes, so that nobody is shown the same twice. */
  readonly versions = new Map<string, number>()
  bootedAtMs = 0
  #clockZeroMs = 0
  readonly #world: World

  constructor(world: World, setup: HostSetup) {
    this.#world = world
    this.name = setup.name
    this.setup = setup
    this.random = world.random
    this.schedule = world.schedule
    this.rough = world.plan.rough
    this.manager = new Manager(setup.units, this)
    this.bus = new Bus(world, this)
    this.bus.close()
  }

  get isReachable(): boolean {
    return this.power !== 'off'
  }

  clockMs(): number {
    return this.schedule.nowMs - this.#clockZeroMs
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.schedule.nowMs + this.wallSkewMs
  }

  unitOf(target: string): string {
    const spec = this.setup.targets.find((each) => each.name === target)
    if (spec === undefined) throw new Error(`no target ${target}`)
    return spec.unit
  }

  boot(): void {
    this.#world.note(this.name, 'boots')
    this.power = 'on'
    this.bootId = this.random.hex32()
    this.bootedAtMs = this.schedule.nowMs
    this.#clockZeroMs = this.schedule.nowMs - this.random.between(1, 5_000)
    const { life } = this
    // io-guardian.service is Before= the wait unit and the target; where it fails to start, they go on without it.
    this.schedule.after(this.random.between(20, 800), () => {
      if (this.life !== life || this.power !== 'on') return
      if (!this.#world.chaos(0.05)) this.startAgent()
      else this.#restartLater()
      this.manager.boot()
    })
  }

  startAgent(): void {
    if (this.agent !== null || this.power !== 'on' || this.isAgentKept) return
    this.#world.note(this.name, 'agent starts')
    this.bus = new Bus(this.#world, this)
    this.agent = new AgentProcess(this.#world, this)
    this.#probe(this.agent)
  }

  /** The process is gone; the kernel closes its sockets, unless the whole host went. */
  agentDied(isRestarted: boolean): void {
    const { agent } = this
    if (agent === null) return
    this.agent = null
    agent.isAlive = false
    this.bus.close()
    this.#world.watch.agentDied(this)
    for (const connection of agent.links.values()) {
      if (this.power === 'off') connection.vanish()
      else connection.hangUp()
    }
    for (const tell of [...agent.askers.values()]) tell(false)
    if (isRestarted) this.#restartLater()
  }

  losePower(isDiskLost: boolean): void {
    if (this.power === 'off') return
    this.#world.note(this.name, isDiskLost ? 'loses power and its disk' : 'loses power')
    this.#off(isDiskLost)
  }

  shutdown(isDiskLost: boolean): void {
    if (this.power !== 'on') return
    this.#world.note(this.name, 'shuts down')
    this.power = 'stopping'
    const { life } = this
    this.manager.shutdown(() => {
      if (this.life !== life) return
      // The agent outlives the last dependent.
      this.schedule.after(this.random.between(10, 500), () => {
        if (this.life === life) this.#off(isDiskLost)
      })
    })
  }

  markerExists(target: string): boolean {
    return this.disk.markers.has(target)
  }

  runWait(target: string, settle: (isOpen: boolean) => void): () => void {
    return runWait(this.#world, this, target, settle)
  }

  activated(unit: Unit): void {
    this.#world.watch.unitActivated(this, unit)
  }

  emptied(unit: Unit): void {
    const { target } = unit.spec
    this.versions.set(target, (this.versions.get(target) ?? 0) + 1)
  }

  changed(unit: Unit, what: string): void {
    this.emptied(unit)
    this.#world.note(this.name, `${unit.spec.name} ${what}`)
    this.bus.signalled(unit.spec.target)
  }

  accept(connection: Connection): Acceptor | null {
    const { agent } = this
    agent?.links.set(connection.id, connection)
    return agent
  }

  #off(isDiskLost: boolean): void {
    this.life += 1
    this.power = 'off'
    this.agentDied(false)
    this.manager.die()
    if (isDiskLost) this.disk.lose()
    else if (this.#world.plan.losesDisks && this.#world.chaos(0.2)) this.#damage()
    this.#world.watch.hostDied(this, isDiskLost)
    this.schedule.after(this.random.between(500, 6_000), () => {
      if (this.power === 'off') this.boot()
    })
  }

  #damage(): void {
    const { name } = this.random.pick(this.setup.targets)
    this.#world.note(this.name, 'its marker is damaged', name)
    this.disk.damage(name, this.random.hex32())
  }

  #restartLater(): void {
    const { life } = this
    this.schedule.after(this.random.between(200, 2_500), () => {
      if (this.life === life) this.startAgent()
    })
  }

  #probe(agent: AgentProcess): void {
    const resources = new Set(this.setup.targets.flatMap((spec) => spec.needs))
    for (const resource of resources) {
      const look = () => {
        const { ok, afterMs } = this.#world.probeFrom(this, resource)
        this.schedule.after(afterMs, () =>
          agent.dispatch({ type: 'probed', resource, ok, reason: ok ? '' : 'refused' }),
        )
        return agent.isAlive
      }
      look()
      this.schedule.every(this.#world.plan.probeEveryMs, look)
    }
  }
}
