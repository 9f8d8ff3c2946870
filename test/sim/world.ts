import type { FleetPlan, GateState } from '../../coordinator/core/state.ts'
import type { Hold } from '../../protocol/hold.ts'
import type { Cores } from './cores.ts'
import { DiskFull } from './disk.ts'
import { FleetProcess } from './fleet-process.ts'
import { SimHost } from './host.ts'
import { IoHost } from './io-host.ts'
import { Network } from './network.ts'
import { fleetPlanOf, makePlan, type SimPlan } from './plan.ts'
import { Random } from './random.ts'
import { Schedule } from './schedule.ts'
import { Store } from './store.ts'
import type { Trace } from './trace.ts'
import { V1Host } from './v1.ts'
import { Watch } from './watch.ts'

/** Everything that exists in one run. */
export class World {
  readonly cores: Cores
  readonly random: Random
  readonly schedule = new Schedule()
  readonly plan: SimPlan
  readonly network: Network
  readonly watch: Watch
  readonly io: IoHost
  readonly hosts: readonly SimHost[]
  readonly v1Hosts = new Map<string, V1Host>()
  readonly gateFiles = new Map<string, GateState>()
  /** What gates have ordered by themselves since the IO host booted. */
  readonly gateHolds: Hold[] = []
  readonly processes = new Set<FleetProcess>()
  /** The daemon whose socket gates and operators find. */
  primary: FleetProcess | null = null
  fleetPlan: FleetPlan
  store = new Store()
  /** No misfortune any more: whoever dies is started again, nothing fails. */
  isHealing = false
  /** A twin ran or a store was restored at some time. */
  hadRival = false
  wasStoreFull = false
  readonly lostDisk = new Set<string>()
  /** Hosts whose key somebody has who says what is not so. */
  readonly liars = new Set<string>()
  /** What they take for the next seq of a gate. */
  readonly guesses = new Map<string, number>()
  /** Hosts that a person opened past a coordinator's hold. */
  readonly wasForced = new Set<string>()
  /** When a hold given with an end may end at the earliest. */
  readonly ends = new Map<string, number>()
  /** What the configuration says otherwise since it was read again. */
  waves: readonly string[] | null = null
  readonly without = new Set<string>()
  readonly retagged = new Set<string>()
  readonly #trace: Trace

  constructor(seed: number, cores: Cores, trace: Trace) {
    this.#trace = trace
    this.cores = cores
    this.random = new Random(seed)
    this.plan = makePlan(this.random)
    this.network = new Network(this.schedule, this.random, this.plan.weather)
    this.watch = new Watch(this)
    this.io = new IoHost(this)
    this.hosts = this.plan.hosts.map((setup) => new SimHost(this, setup))
    for (const name of this.plan.v1Hosts) this.v1Hosts.set(name, new V1Host(this, name))
    if (this.hosts.length > 1 && this.random.chance(0.1)) this.without.add(this.random.pick(this.hosts).name)
    this.fleetPlan = fleetPlanOf(this.plan, this)
  }

  note(who: string, what: string, about: unknown = null): void {
    this.#trace.add(this.schedule.nowMs, who, what, about)
  }

  /** Whether a misfortune of this likelihood happens now. */
  chaos(probability: number): boolean {
    return !this.isHealing && this.random.chance(probability)
  }

  begin(): void {
    for (const database of this.io.databases.values()) database.gateUp()
    this.startPrimary()
    for (const host of this.hosts) this.schedule.after(this.random.between(1, 2_000), () => host.boot())
  }

  startPrimary(): void {
    if (this.primary !== null || this.io.power !== 'on') return
    this.primary = this.#start('primary', this.store)
  }

  /** A second daemon on a copy of the store. */
  startTwin(store: Store): FleetProcess | null {
    this.hadRival = true
    return this.#start('twin', store)
  }

  fleetDied(process: FleetProcess): void {
    this.processes.delete(process)
    if (process !== this.primary) return
    this.primary = null
    this.schedule.after(this.random.between(100, 4_000), () => this.startPrimary())
  }

  reconfigure(): void {
    this.fleetPlan = fleetPlanOf(this.plan, this)
    for (const process of this.processes) process.configure()
  }

  isUp(resource: string): boolean {
    return this.io.databases.get(resource)?.isUp === true
  }

  /** One probe by an agent: it needs the way there and back. */
  probeFrom(host: SimHost, resource: string): { readonly ok: boolean; readonly afterMs: number } {
    const isCut = host.blockedIn || host.blockedOut
    const ok = !isCut && this.isUp(resource) && this.io.power !== 'off'
    return { ok, afterMs: isCut ? 1_500 : this.random.between(1, 60) }
  }

  #start(name: string, store: Store): FleetProcess | null {
    try {
      const process = new FleetProcess(this, name, store)
      this.processes.add(process)
      process.open()
      return process.isAlive ? process : null
    } catch (cause) {
      if (!(cause instanceof DiskFull)) throw cause
      this.note(name, 'cannot start: store full')
      if (name === 'primary') this.schedule.after(2_000, () => this.startPrimary())
      return null
    }
  }
}
