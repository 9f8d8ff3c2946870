import type { DependentView, TargetView, UnitView } from '../../agent/core/state.ts'
import type { ActiveState } from '../../protocol/v2/report.ts'

/** What a unit file says, as far as this model of systemd goes. */
export interface UnitSpec {
  readonly name: string
  /** The target that it hangs on, in guardian's words. */
  readonly target: string
  readonly role: 'target' | 'wait' | 'dependent'
  readonly requires: readonly string[]
  readonly after: readonly string[]
  readonly partOf: readonly string[]
  readonly wants: readonly string[]
  /** AssertPathExists=!marker. */
  readonly asserts: boolean
  readonly guarded: boolean
  /** multi-user.target wants it: a boot and a switch start it. */
  readonly atBoot: boolean
  /** KillMode=process: its stop may leave processes behind. */
  readonly leaves: boolean
}

export interface Job {
  type: 'start' | 'stop' | 'restart'
  irreversible: boolean
  running: boolean
}

export class Unit {
  readonly spec: UnitSpec
  active: ActiveState = 'inactive'
  job: Job | null = null
  processes = 0
  /** When it last left `inactive` or `failed`. */
  startedAtMs = 0
  recentStarts: number[] = []
  /** Raised at each change, so that an ending that was scheduled for an earlier state is ignored. */
  turn = 0

  constructor(spec: UnitSpec) {
    this.spec = spec
  }

  get isStopped(): boolean {
    return this.active === 'inactive' || this.active === 'failed'
  }
}

/** The units of one target as NIX.md section 5 has them, with a second level and the unguarded kinds. */
export function unitsOfTarget(target: string, unit: string, shape: UnitShape): UnitSpec[] {
  const wait = `wait-for-${target}.service`
  const base = { target, role: 'dependent' as const, partOf: [], wants: [], leaves: false }
  const guarded = { ...base, requires: [unit], after: [unit], asserts: true, guarded: true, atBoot: true }
  const first = { ...guarded, name: `${target}-app.service`, leaves: shape.leaves }
  const more: UnitSpec[] = []
  if (shape.twoGuarded) more.push({ ...guarded, name: `${target}-web.service`, atBoot: false })
  if (shape.secondLevel) {
    const on = { requires: [first.name], after: [first.name] }
    more.push({ ...base, ...on, name: `${target}-sub.service`, asserts: false, guarded: true, atBoot: true })
  }
  const loose = { ...base, requires: [], after: [], asserts: false, guarded: false, atBoot: false }
  if (shape.unguarded === 'part-of') more.push({ ...loose, name: `${target}-loose.service`, partOf: [unit] })
  if (shape.unguarded === 'requires-only') more.push({ ...loose, name: `${target}-loose.service`, requires: [unit] })
  const pulledIn = [first, ...more].filter((spec) => spec.asserts || spec.requires.length > 0).map((spec) => spec.name)
  return [
    {
      ...{ name: wait, target, role: 'wait', requires: [], after: [], partOf: [unit], wants: [] },
      ...{ asserts: true, guarded: false, atBoot: false, leaves: false },
    },
    {
      ...{ name: unit, target, role: 'target', requires: [wait], after: [wait], partOf: [], wants: pulledIn },
      ...{ asserts: true, guarded: true, atBoot: true, leaves: false },
    },
    first,
    ...more,
  ]
}

export interface UnitShape {
  readonly twoGuarded: boolean
  readonly secondLevel: boolean
  readonly unguarded: 'none' | 'part-of' | 'requires-only'
  readonly leaves: boolean
}

/** What the agent's adapter reads over D-Bus; a unit that is PartOf the target belongs to the closure too. */
export function viewOf(units: readonly Unit[], round: number): TargetView | null {
  const target = units.find((unit) => unit.spec.role === 'target')
  if (target === undefined) return null
  const dependents = units.filter((unit) => unit !== target).map((unit) => dependentView(unit, target))
  return { round, target: unitView(target), dependents }
}

function dependentView(unit: Unit, target: Unit): DependentView {
  return { ...unitView(unit), guarded: unit.spec.guarded, wanted: target.spec.wants.includes(unit.spec.name) }
}

function unitView(unit: Unit): UnitView {
  const { active, processes, job } = unit
  const shown = job === null ? 'none' : job.type === 'restart' ? 'other' : job.type
  return { unit: unit.spec.name, active, job: shown, processes }
}
