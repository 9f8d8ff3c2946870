import type { Log } from '../../daemon/log.ts'
import { reasonOf } from '../../daemon/reason.ts'
import type { TargetView } from '../core/state.ts'
import { busErrorOf } from './bus.ts'
import { findCgroupRoot, processesIn } from './units-cgroup.ts'
import { readGraph } from './units-graph.ts'
import { Sight } from './units-sight.ts'
import { type Systemd, type SystemdSignal, unitPath } from './units-systemd.ts'

export interface WatchedTarget {
  readonly name: string
  readonly unit: string
  /** Configured by name, whether they hang on the target or not. */
  readonly dependents: readonly string[]
}

export interface WatchParts {
  readonly target: WatchedTarget
  readonly systemd: Systemd
  readonly told: (view: TargetView) => void
  readonly log: Log
}

const missingText = 'the target has no unit file; it is taken for stopped until it appears'
const noSuchUnit = 'org.freedesktop.systemd1.NoSuchUnit'
const lingerMinMs = 20
const lingerMaxMs = 1_000
// Within this time a start may meet the start limit of a unit that has not failed yet.
const startedLatelyMs = 60_000
const rereadEveryMs = 60_000

/** One target and what hangs on it. Orders are carried out one after the other; their outcome is seen in the views. */
export class Watch {
  readonly #target: WatchedTarget
  readonly #systemd: Systemd
  readonly #told: (view: TargetView) => void
  readonly #log: Log
  readonly #cgroups = findCgroupRoot()
  readonly #sight = new Sight((cgroup) => processesIn(`${this.#cgroups}${cgroup}`).length)
  /** Questions whether a unit that got a job hangs on this target. */
  readonly #checks = new Map<string, Promise<void>>()
  /** Why a dependent could not be stopped, told once. */
  readonly #refusals = new Map<string, string>()
  #queue: Promise<void> = Promise.resolve()
  #loose: readonly string[] = []
  #isStale = true
  /** What hangs on the target is known, and may be shown. */
  #isComplete = false
  #isHidden = false
  #readAtMs: number | null = null
  #round = 0
  #orders = 0
  #startedAtMs = Number.NEGATIVE_INFINITY
  #shown: TargetView | null = null
  #turn: NodeJS.Immediate | undefined
  #linger: NodeJS.Timeout | undefined
  #isClosed = false

  constructor({ target, systemd, told, log }: WatchParts) {
    this.#target = target
    this.#systemd = systemd
    this.#told = told
    this.#log = log.child({ target: target.name })
  }

  /** Whether systemd was asked and has no unit file of the target. */
  get isMissing(): boolean {
    return this.#readAtMs !== null && !this.#sight.isLoaded
  }

  stop(round: number): void {
    this.#orders += 1
    this.#enqueue('could not stop the target; trying again', () => this.#stopAll(round))
  }

  start(): void {
    const order = this.#orders
    this.#enqueue('could not start the target; trying again', () => this.#startAll(order))
  }

  /** Reads everything anew: at first, and when systemd is back. */
  reread(): void {
    this.#isStale = true
    this.#enqueue('could not read the units', async () => {
      if (this.#isStale) await this.#read()
    })
  }

  /** Asks for states alone, in case that a signal was lost. */
  recheck(): void {
    const isOld = this.#readAtMs === null || performance.now() - this.#readAtMs >= rereadEveryMs
    if (isOld) this.reread()
    this.#enqueue('could not read the units', async () => {
      await this.#relist()
      this.#sight.count('all')
      this.#show()
    })
  }

  signal(signal: SystemdSignal): void {
    if (signal.is === 'reloaded') this.reread()
    if (signal.is === 'job-queued') this.#check(signal.unit)
    if (this.#sight.signal(signal)) this.#show()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#linger)
    clearImmediate(this.#turn)
  }

  #enqueue(failed: string, work: () => Promise<void>): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#isClosed) return
      try {
        await work()
      } catch (cause) {
        if (!this.#isClosed) this.#log.warn({ reason: reasonOf(cause) }, failed)
      }
    })
  }

  async #read(): Promise<void> {
    this.#isStale = false
    try {
      const graph = await readGraph(this.#systemd, this.#target.unit, this.#target.dependents)
      // Those that hung on it so far: whether they are stopping decides whether they stay.
      const left = graph.isComplete ? this.#sight.units.filter((unit) => !graph.hanging.has(unit)) : []
      const states = await this.#systemd.list([...new Set([graph.target, ...graph.hanging.keys(), ...left])])
      // Set and states at once: no view may show a unit that has not been asked for.
      if (!graph.isLoaded && !this.isMissing) this.#log.warn({ unit: graph.target }, missingText)
      this.#sight.adopt(graph, states)
      this.#loose = graph.loose
      this.#isComplete = graph.isComplete
      this.#readAtMs = performance.now()
      this.#show()
    } catch (cause) {
      this.#isStale = true
      throw cause
    }
  }

  /** Fixes the set: what is known holds where nothing that may change it was signalled before systemd's answer. */
  async #fix(): Promise<void> {
    if (!this.#isStale) {
      await this.#relist()
      await Promise.all(this.#checks.values())
    }
    if (this.#isStale) await this.#read()
  }

  /** Asks for the states of all units. */
  async #relist(): Promise<void> {
    const { units, isQuiet } = this.#sight
    // Asking by name for what systemd has forgotten would load it each time.
    if (isQuiet) this.#sight.listLoaded(await this.#systemd.listLoaded(units))
    else this.#sight.list(await this.#systemd.list(units))
  }

  async #stopAll(round: number): Promise<void> {
    await this.#fix()
    await Promise.all([this.#stopOne(this.#sight.target), ...this.#loose.map((unit) => this.#stopLoose(unit))])
    // Whatever was loaded meanwhile belongs to the set as well.
    await this.#fix()
    this.#sight.count('stopped')
    this.#round = round
    this.#show()
  }

  async #stopOne(unit: string): Promise<void> {
    await this.#systemd.stop(unit).catch((cause: unknown) => {
      if (busErrorOf(cause) !== noSuchUnit) throw cause
    })
  }

  /** One that refuses keeps nobody else from being seen; the views say that it runs. */
  async #stopLoose(unit: string): Promise<void> {
    try {
      await this.#stopOne(unit)
      this.#refusals.delete(unit)
    } catch (cause) {
      const reason = reasonOf(cause)
      if (this.#refusals.get(unit) === reason) return
      this.#refusals.set(unit, reason)
      this.#log.warn({ unit, reason }, 'could not stop a dependent; trying again')
    }
  }

  async #startAll(order: number): Promise<void> {
    if (order !== this.#orders) return
    if (this.#readAtMs === null) await this.#read()
    const isLate = performance.now() - this.#startedAtMs > startedLatelyMs
    const { target, dependents } = this.#sight.view(this.#round)
    const units = [target, ...dependents].filter(({ active }) => active === 'failed' || !isLate)
    await Promise.all(units.map(({ unit }) => this.#reset(unit)))
    // A hold that came meanwhile ends the start.
    if (order !== this.#orders) return
    this.#startedAtMs = performance.now()
    // No view before systemd has said what it is about to start: it would look like a target that has come to rest.
    this.#isHidden = true
    try {
      await this.#systemd.start(target.unit)
      if (this.#isComplete) await this.#relist()
      else await this.#read()
    } catch (cause) {
      if (!this.#isClosed) this.#log.info({ unit: target.unit, reason: reasonOf(cause) }, 'start refused; trying again')
    } finally {
      this.#isHidden = false
      this.#show()
    }
  }

  async #reset(unit: string): Promise<void> {
    await this.#systemd.resetFailed(unit).catch((cause: unknown) => {
      if (busErrorOf(cause) !== noSuchUnit) this.#log.debug({ unit, reason: reasonOf(cause) }, 'not reset')
    })
  }

  /** A unit that is not known to hang on the target got a job: it may have been loaded just now. */
  #check(unit: string): void {
    if (this.#readAtMs === null || this.#sight.has(unit) || this.#checks.has(unit)) return
    const path = unitPath(unit)
    const kinds = ['Requires', 'BindsTo', 'PartOf'] as const
    const checking = Promise.all(kinds.map((kind) => this.#systemd.dependencies(path, kind)))
      .then((found) => {
        if (found.flat().some((on) => this.#sight.has(on))) this.reread()
      })
      .catch(() => this.reread())
      .finally(() => this.#checks.delete(unit))
    this.#checks.set(unit, checking)
  }

  #show(): void {
    this.#turn ??= setImmediate(async () => {
      this.#turn = undefined
      const { unasked } = this.#sight
      if (unasked.length > 0) this.#sight.list(await this.#systemd.list(unasked).catch(() => []))
      const view = this.#sight.view(this.#round)
      if (view === this.#shown || this.#isClosed || this.#isHidden || this.#readAtMs === null) return
      this.#shown = view
      this.#told(view)
      this.#awaitLingering(lingerMinMs)
    })
  }

  #awaitLingering(pauseMs: number): void {
    const { lingering } = this.#sight
    if (this.#linger !== undefined || lingering.length === 0 || this.#isClosed) return
    if (pauseMs * 2 > lingerMaxMs && pauseMs < lingerMaxMs) {
      for (const { unit, cgroup } of lingering)
        this.#log.warn({ unit, pids: processesIn(`${this.#cgroups}${cgroup}`) }, 'stopped, but left processes behind')
    }
    this.#linger = setTimeout(() => {
      this.#linger = undefined
      this.#sight.count('lingering')
      this.#show()
      this.#awaitLingering(Math.min(lingerMaxMs, pauseMs * 2))
    }, pauseMs)
  }
}
