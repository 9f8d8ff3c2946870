import { type Job, Unit, type UnitSpec } from './units.ts'

/** Which unit pulls in, takes along or waits for which. */
export class UnitGraph {
  readonly units = new Map<string, Unit>()
  readonly #takenAlong = new Map<string, readonly Unit[]>()
  readonly #needing = new Map<string, readonly Unit[]>()
  readonly #later = new Map<string, readonly Unit[]>()
  readonly #ofTarget = new Map<string, Unit[]>()

  constructor(specs: readonly UnitSpec[]) {
    const all = specs.map((spec) => new Unit(spec))
    for (const unit of all) {
      const { name } = unit.spec
      this.units.set(name, unit)
      const { target } = unit.spec
      this.#ofTarget.set(target, [...(this.#ofTarget.get(target) ?? []), unit])
      const needing = all.filter((other) => other.spec.requires.includes(name))
      this.#needing.set(name, needing)
      this.#later.set(
        name,
        all.filter((other) => other.spec.after.includes(name)),
      )
      this.#takenAlong.set(name, [...needing, ...all.filter((other) => other.spec.partOf.includes(name))])
    }
  }

  unit(name: string): Unit {
    const unit = this.units.get(name)
    if (unit === undefined) throw new Error(`no unit ${name}`)
    return unit
  }

  unitsOf(target: string): readonly Unit[] {
    return this.#ofTarget.get(target) ?? []
  }

  /** The unit and all that its start asks for. */
  pulledIn(name: string): Unit[] {
    return this.#reach(name, ({ spec }) => [...spec.requires, ...spec.wants].map((other) => this.unit(other)))
  }

  /** The unit and all that its stop takes along. */
  takenAlong(name: string): Unit[] {
    return this.#reach(name, ({ spec }) => this.#takenAlong.get(spec.name) ?? [])
  }

  /** Units whose start fails with this one's. */
  needing({ spec }: Unit): readonly Unit[] {
    return this.#needing.get(spec.name) ?? []
  }

  /** Whether ordering lets the job run: what is ordered after the unit stops before it, and stops go before starts. */
  isRunnable(unit: Unit, job: Job): boolean {
    const later = this.#later.get(unit.spec.name) ?? []
    if (later.some((other) => isStopping(other.job))) return false
    if (job.type !== 'start') return true
    if (unit.active === 'deactivating') return false
    return unit.spec.after.every((name) => this.unit(name).job === null)
  }

  #reach(name: string, next: (unit: Unit) => readonly Unit[]): Unit[] {
    const found = new Set<Unit>()
    const visit = (unit: Unit) => {
      if (found.has(unit)) return
      found.add(unit)
      for (const other of next(unit)) visit(other)
    }
    visit(this.unit(name))
    return [...found]
  }
}

function isStopping(job: Job | null): boolean {
  return job?.type === 'stop' || job?.type === 'restart'
}
