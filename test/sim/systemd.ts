import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'
import { UnitGraph } from './unit-graph.ts'
import type { Job, Unit, UnitSpec } from './units.ts'

/** What the manager asks of its host. */
export interface ManagerHost {
  readonly random: Random
  readonly schedule: Schedule
  markerExists(target: string): boolean
  /** Runs `guardian wait`; `settle` is told whether it exited 0. Returns what kills it. */
  runWait(target: string, settle: (isOpen: boolean) => void): () => void
  activated(unit: Unit): void
  changed(unit: Unit, what: string): void
  /** Left-over processes are gone, and systemd says nothing. */
  emptied(unit: Unit): void
  /** 0 to 1: how slow and unreliable dependents are. */
  readonly rough: number
}

const waitLimitMs = 12_000

/**
 * One host's systemd: units, jobs and transactions as far as guardian leans on them. Start pulls in what is required
 * or wanted, stop takes along what requires or is part of it; ordering holds jobs back; an irreversible stop refuses
 * every start until it has ended.
 */
export class Manager {
  isShuttingDown = false
  readonly #host: ManagerHost
  readonly #graph: UnitGraph
  readonly #waits = new Map<string, () => void>()
  #life = 0

  constructor(specs: readonly UnitSpec[], host: ManagerHost) {
    this.#host = host
    this.#graph = new UnitGraph(specs)
  }

  get units(): ReadonlyMap<string, Unit> {
    return this.#graph.units
  }

  unitsOf(target: string): readonly Unit[] {
    return this.#graph.unitsOf(target)
  }

  unit(name: string): Unit {
    return this.#graph.unit(name)
  }

  /** Everything that multi-user.target wants. */
  boot(): void {
    this.isShuttingDown = false
    for (const unit of this.units.values()) if (unit.spec.atBoot) this.start(unit.spec.name)
  }

  /** @returns false where systemd refuses: a stop under way, or the host is going down */
  start(name: string): boolean {
    const wanted = this.#graph.pulledIn(name)
    if (this.isShuttingDown || wanted.some(isDestructive)) return false
    for (const unit of wanted) {
      if (unit.job === null && (unit.active === 'active' || unit.active === 'activating')) continue
      if (unit.job === null || unit.job.type === 'stop') this.#enqueue(unit, 'start', false)
    }
    this.#pump()
    return true
  }

  stop(name: string, irreversible: boolean): void {
    for (const unit of this.#graph.takenAlong(name)) {
      if (unit.job?.type === 'stop') unit.job.irreversible ||= irreversible
      else if (unit.job !== null || !unit.isStopped) this.#enqueue(unit, 'stop', irreversible)
    }
    this.#pump()
  }

  restart(name: string): boolean {
    const along = this.#graph.takenAlong(name).filter((unit) => !unit.isStopped || unit.spec.name === name)
    const wanted = this.#graph.pulledIn(name)
    if (this.isShuttingDown || [...along, ...wanted].some(isDestructive)) return false
    for (const unit of along) this.#enqueue(unit, unit.isStopped ? 'start' : 'restart', false)
    for (const unit of wanted) if (unit.job === null && unit.isStopped) this.#enqueue(unit, 'start', false)
    this.#pump()
    return true
  }

  /** `systemctl cancel`: the job goes, what it began does not. */
  cancel(name: string): void {
    const unit = this.unit(name)
    if (unit.job === null) return
    this.#finish(unit, 'canceled')
    this.#pump()
  }

  resetFailed(name: string): void {
    const unit = this.unit(name)
    unit.recentStarts = []
    if (unit.active === 'failed') this.#turn(unit, 'inactive')
  }

  /** A main process that dies by itself; what requires the unit goes on. */
  crash(name: string, isRestarted: boolean): void {
    const unit = this.unit(name)
    if (unit.active !== 'active' || unit.spec.role !== 'dependent') return
    unit.processes = 0
    this.#turn(unit, 'failed')
    if (unit.job?.type === 'stop') this.#finish(unit, 'done')
    this.#pump()
    if (isRestarted) this.#soon(200, () => this.start(name))
  }

  /** Stops everything in order, also what somebody takes a stop away from; `done` follows the last unit. */
  shutdown(done: () => void): void {
    this.isShuttingDown = true
    const running = [...this.units.values()].filter((unit) => !unit.isStopped)
    for (const unit of running) if (unit.job?.type !== 'stop') this.#enqueue(unit, 'stop', true)
    this.#pump()
    this.#soon(100, () => (running.length === 0 ? done() : this.shutdown(done)))
  }

  /** Power is gone: nothing of what was scheduled happens any more. */
  die(): void {
    this.#life += 1
    for (const kill of this.#waits.values()) kill()
    this.#waits.clear()
    for (const unit of this.units.values()) {
      Object.assign(unit, { active: 'inactive', job: null, processes: 0, recentStarts: [] })
      unit.turn += 1
    }
  }

  #soon(delayMs: number, run: () => void): void {
    const life = this.#life
    this.#host.schedule.after(delayMs, () => {
      if (life === this.#life) run()
    })
  }

  #enqueue(unit: Unit, type: Job['type'], irreversible: boolean): void {
    if (unit.job !== null) this.#finish(unit, 'canceled')
    unit.job = { type, irreversible, running: false }
    this.#host.changed(unit, `job ${type}`)
  }

  #pump(): void {
    for (let moved = true; moved; ) {
      moved = false
      for (const unit of this.units.values()) {
        if (unit.job === null || unit.job.running || !this.#graph.isRunnable(unit, unit.job)) continue
        moved = true
        unit.job.running = true
        if (unit.job.type === 'start') this.#runStart(unit)
        else this.#runStop(unit)
      }
    }
  }

  #runStart(unit: Unit): void {
    if (unit.active === 'active') {
      this.#finish(unit, 'done')
      return
    }
    if (unit.spec.asserts && this.#host.markerExists(unit.spec.target)) {
      this.#finish(unit, 'assert')
      return
    }
    switch (unit.spec.role) {
      case 'target':
        this.#turn(unit, 'active')
        this.#finish(unit, 'done')
        return
      case 'wait':
        this.#turn(unit, 'activating')
        this.#runWait(unit)
        return
      case 'dependent':
        this.#runDependent(unit)
        return
      default:
        unit.spec.role satisfies never
    }
  }

  #runDependent(unit: Unit): void {
    const { schedule, random, rough } = this.#host
    unit.recentStarts = [...unit.recentStarts.filter((atMs) => atMs > schedule.nowMs - 10_000), schedule.nowMs]
    if (unit.recentStarts.length > 5) {
      this.#turn(unit, 'failed')
      this.#finish(unit, 'failed')
      return
    }
    this.#turn(unit, 'activating')
    unit.processes = 1
    const isBad = random.chance(0.02 * rough)
    this.#end(unit, random.between(5, 300), () => {
      unit.processes = isBad ? 0 : unit.processes
      this.#turn(unit, isBad ? 'failed' : 'active')
      this.#finish(unit, isBad ? 'failed' : 'done')
    })
  }

  #runWait(unit: Unit): void {
    const settle = (isOpen: boolean) => {
      this.#waits.delete(unit.spec.name)
      this.#turn(unit, isOpen ? 'active' : 'failed')
      this.#finish(unit, isOpen ? 'done' : 'failed')
      this.#pump()
    }
    const kill = this.#host.runWait(unit.spec.target, (isOpen) => {
      if (this.#waits.get(unit.spec.name) === kill) settle(isOpen)
    })
    this.#waits.set(unit.spec.name, kill)
    this.#end(unit, waitLimitMs, () => {
      kill()
      settle(false)
    })
  }

  #runStop(unit: Unit): void {
    if (unit.isStopped) {
      this.#stopped(unit, unit.active === 'failed')
      return
    }
    if (unit.active === 'deactivating') return
    if (unit.spec.role === 'target') {
      this.#stopped(unit, false)
      return
    }
    if (unit.spec.role === 'wait') {
      this.#waits.get(unit.spec.name)?.()
      this.#waits.delete(unit.spec.name)
      this.#stopped(unit, unit.active === 'activating')
      return
    }
    const { random, rough } = this.#host
    this.#turn(unit, 'deactivating')
    const isSlow = random.chance(0.25 * rough)
    const isBad = random.chance(0.1 * rough)
    this.#end(unit, isSlow ? random.between(1_000, 9_000) : random.between(5, 300), () => this.#stopped(unit, isBad))
  }

  #stopped(unit: Unit, isBad: boolean): void {
    const wasRunning = !unit.isStopped
    if (wasRunning) {
      unit.processes = 0
      if (unit.spec.leaves && this.#host.random.chance(0.3)) this.#leave(unit)
      this.#turn(unit, isBad ? 'failed' : 'inactive')
    }
    const { job } = unit
    if (job?.type === 'restart') unit.job = { type: 'start', irreversible: false, running: false }
    else if (job?.type === 'stop') this.#finish(unit, 'done')
    this.#pump()
  }

  /** Processes that outlive their unit's stop; systemd sends no signal when they go. */
  #leave(unit: Unit): void {
    unit.processes = 2
    this.#soon(this.#host.random.between(100, 4_000), () => {
      if (!unit.isStopped || unit.processes === 0) return
      unit.processes = 0
      this.#host.emptied(unit)
    })
  }

  #end(unit: Unit, delayMs: number, run: () => void): void {
    const { turn } = unit
    this.#soon(delayMs, () => {
      if (unit.turn !== turn) return
      run()
      this.#pump()
    })
  }

  #turn(unit: Unit, active: Unit['active']): void {
    const wasStopped = unit.isStopped
    unit.active = active
    unit.turn += 1
    if (wasStopped && !unit.isStopped) {
      unit.startedAtMs = this.#host.schedule.nowMs
      this.#host.activated(unit)
    }
    this.#host.changed(unit, active)
  }

  #finish(unit: Unit, result: 'done' | 'failed' | 'assert' | 'dependency' | 'canceled'): void {
    const { job } = unit
    unit.job = null
    this.#host.changed(unit, `job ${result}`)
    if (job?.type !== 'start' || result === 'done') return
    for (const other of this.#graph.needing(unit)) if (other.job?.type === 'start') this.#finish(other, 'dependency')
  }
}

function isDestructive(unit: Unit): boolean {
  return unit.job?.type === 'stop' && unit.job.irreversible
}
