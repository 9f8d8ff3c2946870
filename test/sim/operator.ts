import type { DrainRequest, ProgressAnswer, UndrainRequest } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { FleetProcess } from './fleet-process.ts'
import type { World } from './world.ts'

/** People at the coordinator: they drain, undrain, release, take over, ask again, and watch what comes of it. */
export class Operators {
  readonly #world: World
  readonly #asked: DrainRequest[] = []

  constructor(world: World) {
    this.#world = world
  }

  act(): void {
    const process = this.#find()
    if (process === null) return
    const { random } = this.#world
    const roll = random.next()
    if (process.state.superseded !== null && roll < 0.3) {
      this.takeOver(process)
      return
    }
    if (roll < 0.45) this.#drain(process)
    else if (roll < 0.75) this.#undrain(process, { selector: this.#selector(), force: false })
    else if (roll < 0.9) this.#release(process)
    else if (roll < 0.93) this.#force(process)
    else if (roll < 0.96) this.takeOver(process)
    else this.#again(process)
  }

  takeOver(process: FleetProcess): void {
    const { random, hosts } = this.#world
    const carried = new Set(hosts.flatMap((host) => [...host.disk.markers.values()].flat().map((hold) => hold.id)))
    const holds = [...process.state.holds.values()].filter((hold) => hold.orphan || !hold.owner.startsWith('gate:'))
    const unmarked = holds.map((hold) => hold.id).filter((id) => !carried.has(id))
    const drop = random.chance(0.3) ? random.some(unmarked, 0.5) : []
    const excuse = this.#world.isHealing
      ? []
      : random.some(
          hosts.map((host) => host.name),
          0.1,
        )
    process.ask({ type: 'takeover-asked', request: { drop, excuse, dryRun: random.chance(0.1) } }, () => {})
  }

  /** At the end: what is still held by operators is given back, mostly. */
  tidy(process: FleetProcess, keep: number): void {
    for (const hold of process.state.holds.values()) {
      if (hold.owner.startsWith('gate:') && !hold.orphan) continue
      if (!this.#world.random.chance(keep)) this.#undrain(process, { selector: '*', force: false, hold: hold.id })
    }
  }

  /** Only a person knows what an unreadable marker held. */
  releaseUnreadable(process: FleetProcess): void {
    for (const { disk } of this.#world.hosts) {
      for (const { id } of [...disk.markers.values()].flat()) {
        if (id.startsWith('self/unreadable')) this.#undrain(process, { selector: '*', force: false, hold: id })
      }
    }
  }

  #find(): FleetProcess | null {
    const all = [...this.#world.processes]
    return all.length === 0 ? null : this.#world.random.pick(all)
  }

  #selector(): string {
    const { random, hosts } = this.#world
    const one = random.pick(hosts).name
    return random.pick(['*', '@web', '@rest', one, one, `!${one}`, `${one},@web`])
  }

  #target(): string | undefined {
    const { random, plan } = this.#world
    return random.chance(0.5) ? random.pick(plan.targets).name : undefined
  }

  #drain(process: FleetProcess): void {
    const { random, ends, schedule } = this.#world
    const target = this.#target()
    const forMs = random.chance(0.2) ? random.between(1_000, 15_000) : undefined
    const request: DrainRequest = {
      ...(target === undefined ? {} : { target }),
      ...(forMs === undefined ? {} : { forMs }),
      ...{ selector: this.#selector(), operator: 'ada', message: '', dryRun: random.chance(0.05), id: random.hex32() },
    }
    if (forMs !== undefined) ends.set(request.id, schedule.nowMs + forMs)
    this.#asked.push(request)
    this.#ask(process, request)
  }

  #again(process: FleetProcess): void {
    if (this.#asked.length > 0) this.#ask(process, this.#world.random.pick(this.#asked))
  }

  #ask(process: FleetProcess, request: DrainRequest): void {
    process.ask({ type: 'drain-asked', request }, (outcome) => {
      if (outcome !== null && 'answer' in outcome && !request.dryRun) this.#watch(process, request.id)
    })
  }

  /** `guardian ctl drain` waits for the end, or says "outcome unknown". */
  #watch(process: FleetProcess, hold: string): void {
    const { schedule } = this.#world
    const endMs = schedule.nowMs + 20_000
    schedule.every(300, () => {
      if (!process.isAlive || schedule.nowMs > endMs) return false
      const progress = this.#progress(process, hold)
      if (progress === null) return false
      this.#world.watch.progressTold(process, hold, progress)
      return !progress.settled
    })
  }

  #progress(process: FleetProcess, hold: string): ProgressAnswer | null {
    try {
      return this.#world.cores.fleetProgress.drainProgress(process.state, hold, this.#world.io.clockMs())
    } catch (cause) {
      if (cause instanceof GuardianError) return null
      throw cause
    }
  }

  #undrain(process: FleetProcess, request: Pick<UndrainRequest, 'selector' | 'force' | 'hold'>): void {
    const target = request.hold === undefined ? this.#target() : undefined
    const asked = { ...request, ...(target === undefined ? {} : { target }), dryRun: this.#world.chaos(0.03) }
    process.ask({ type: 'undrain-asked', request: asked }, () => {})
  }

  #release(process: FleetProcess): void {
    const { random } = this.#world
    const ids = [...process.state.holds.keys()]
    for (const { seats } of process.state.hosts.values())
      for (const { report } of seats.values()) ids.push(...(report?.holds ?? []).map((hold) => hold.id))
    if (ids.length > 0) this.#undrain(process, { selector: '*', force: false, hold: random.pick(ids) })
  }

  #force(process: FleetProcess): void {
    const { name } = this.#world.random.pick(this.#world.hosts)
    this.#world.wasForced.add(name)
    this.#undrain(process, { selector: name, force: true })
  }
}
