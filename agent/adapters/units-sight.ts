import type { DependentView, TargetView, UnitView } from '../core/state.ts'
import type { Graph, Hanging } from './units-graph.ts'
import type { SystemdSignal, UnitState } from './units-systemd.ts'

/** A unit as it was last seen. `view` is replaced whole, so that whoever got a view of the target can keep it. */
interface Seen {
  readonly path: string
  readonly cgroup: string | null
  jobId: number
  /** A job is there whose kind is not known yet. */
  isJobNew: boolean
  view: DependentView
}

type Change = Partial<Pick<DependentView, 'active' | 'job' | 'processes'>>

/** What is known of a target and of what hangs on it, put together from answers and signals. */
export class Sight {
  readonly #processesOf: (cgroup: string) => number
  #target = ''
  #isLoaded = false
  #byPath = new Map<string, Seen>()
  #byUnit = new Map<string, Seen>()
  #last: TargetView | null = null

  constructor(processesOf: (cgroup: string) => number) {
    this.#processesOf = processesOf
  }

  get target(): string {
    return this.#target
  }

  /** Whether systemd has a unit file of the target. */
  get isLoaded(): boolean {
    return this.#isLoaded
  }

  get units(): readonly string[] {
    return [...this.#byUnit.keys()]
  }

  /** Units whose job is of a kind that has to be asked for. */
  get unasked(): readonly string[] {
    return [...this.#byUnit.values()].filter((seen) => seen.isJobNew).map((seen) => seen.view.unit)
  }

  /** Units that have stopped and left processes behind, with the cgroup in which these are. */
  get lingering(): readonly { readonly unit: string; readonly cgroup: string }[] {
    return [...this.#byUnit.values()].flatMap(({ view, cgroup }) =>
      isDown(view) && view.processes > 0 && cgroup !== null ? [{ unit: view.unit, cgroup }] : [],
    )
  }

  /** Everything has stopped. */
  get isQuiet(): boolean {
    return [...this.#byUnit.values()].every(({ view }) => isDown(view))
  }

  has(unit: string): boolean {
    return this.#byUnit.has(unit)
  }

  /**
   * Takes over a set of units with their states. Others stay in it while they stop, and for good where the new set is
   * not complete.
   */
  adopt(graph: Graph, states: readonly UnitState[]): void {
    this.list(states)
    const top = { unit: graph.target, path: graph.path, guarded: true, wanted: true, cgroup: null }
    const next = [top, ...graph.hanging.values()].map((hanging) => seenOf(hanging, this.#byUnit.get(hanging.unit)))
    const names = new Set(next.map(({ view }) => view.unit))
    const left = [...this.#byUnit.values()].filter(
      ({ view }) => !names.has(view.unit) && (!graph.isComplete || isStopping(view)),
    )
    this.#byUnit = new Map([...next, ...left].map((seen) => [seen.view.unit, seen]))
    this.#byPath = new Map([...next, ...left].map((seen) => [seen.path, seen]))
    this.#target = graph.target
    this.#isLoaded = graph.isLoaded
    this.#last = null
    this.list(states)
    this.count('all')
  }

  list(states: readonly UnitState[]): void {
    for (const { unit, active, job, jobId, isLoaded } of states) {
      const seen = this.#byUnit.get(unit)
      if (seen === undefined) continue
      if (unit === this.#target) this.#isLoaded = isLoaded
      seen.jobId = jobId
      seen.isJobNew = false
      this.#update(seen, { active, job })
    }
  }

  /** Takes what is not among them for inactive: systemd keeps in memory whatever is anything else. */
  listLoaded(states: readonly UnitState[]): void {
    const loaded = new Set(states.map(({ unit }) => unit))
    for (const seen of this.#byUnit.values()) {
      if (!loaded.has(seen.view.unit)) this.#update(seen, { active: 'inactive', job: 'none' })
    }
    this.list(states)
  }

  /** Whether it changes anything. */
  signal(signal: SystemdSignal): boolean {
    switch (signal.is) {
      case 'changed':
        return this.#changed(signal)
      case 'job-queued': {
        const seen = this.#byUnit.get(signal.unit)
        return seen !== undefined && seen.jobId !== signal.jobId && this.#setJob(seen, signal.jobId)
      }
      case 'job-ended': {
        const seen = this.#byUnit.get(signal.unit)
        return seen !== undefined && seen.jobId === signal.jobId && this.#setJob(seen, 0)
      }
      case 'reloaded':
        return false
      default:
        return signal satisfies never
    }
  }

  /** Counts processes anew: of units that left some behind, of all that have stopped, or of every unit. */
  count(which: 'lingering' | 'stopped' | 'all'): void {
    for (const seen of this.#byUnit.values()) {
      if (which !== 'all' && !isDown(seen.view)) continue
      if (which === 'lingering' && seen.view.processes === 0) continue
      this.#update(seen, { processes: this.#processesIn(seen) })
    }
  }

  /** The same object as long as nothing has changed. */
  view(round: number): TargetView {
    if (this.#last?.round === round) return this.#last
    const views = [...this.#byUnit.values()].map(({ view }) => view)
    const dependents = views.filter(({ unit }) => unit !== this.#target)
    this.#last = { round, target: topOf(views, this.#target), dependents }
    return this.#last
  }

  #changed({ path, active, jobId }: Extract<SystemdSignal, { is: 'changed' }>): boolean {
    const seen = this.#byPath.get(path)
    if (seen === undefined) return false
    const isActiveChanged = active !== null && this.#update(seen, { active })
    return (jobId !== null && jobId !== seen.jobId && this.#setJob(seen, jobId)) || isActiveChanged
  }

  #setJob(seen: Seen, jobId: number): boolean {
    seen.jobId = jobId
    if (jobId === 0) return this.#update(seen, { job: 'none' })
    // What has stopped can only be started. Anything else has to be asked for, which takes as long as systemd is busy.
    seen.isJobNew = !isDown(seen.view)
    return seen.isJobNew || this.#update(seen, { job: 'start' })
  }

  #update(seen: Seen, change: Change): boolean {
    const { view } = seen
    const next = { ...view, ...change }
    const isSettled = isDown(next) || next.active === 'active'
    if (next.active !== view.active && isSettled) next.processes = this.#processesIn(seen)
    if (next.active === view.active && next.job === view.job && next.processes === view.processes) return false
    seen.view = next
    this.#last = null
    return true
  }

  #processesIn({ cgroup }: Seen): number {
    return cgroup === null ? 0 : this.#processesOf(cgroup)
  }
}

function seenOf({ unit, path, guarded, wanted, cgroup }: Hanging, before: Seen | undefined): Seen {
  const was = before?.view ?? { unit, active: 'inactive' as const, job: 'none' as const, processes: 0 }
  return {
    path,
    cgroup: cgroup ?? before?.cgroup ?? null,
    jobId: before?.jobId ?? 0,
    isJobNew: before?.isJobNew ?? false,
    view: { ...was, guarded, wanted },
  }
}

function topOf(views: readonly DependentView[], target: string): UnitView {
  const top = views.find(({ unit }) => unit === target)
  return { unit: target, active: top?.active ?? 'inactive', job: top?.job ?? 'none', processes: top?.processes ?? 0 }
}

function isDown({ active }: UnitView): boolean {
  return active === 'inactive' || active === 'failed'
}

/** What no stop reaches any more is not waited for; what a stop has reached is. */
function isStopping(view: UnitView): boolean {
  return isDown(view) ? view.processes > 0 : view.job === 'stop' || view.active === 'deactivating'
}
