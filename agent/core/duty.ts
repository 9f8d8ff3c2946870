import type { Hold } from '../../protocol/hold.ts'
import type { DutyState } from '../../protocol/v2/report.ts'
import type { DependentView, Duty, TargetView, UnitView } from './state.ts'

// Questions about one target. All answers follow from the record and the last view; nothing here is tracked.

export function holdsOf(duty: Duty): readonly Hold[] {
  return duty.record.marker ?? []
}

export function isHeld(duty: Duty): boolean {
  return holdsOf(duty).length > 0
}

/** Whether this boot has decided that the target may be open. */
export function isOpened(duty: Duty, bootId: string): boolean {
  return duty.record.marker === null && duty.record.opening?.bootId === bootId
}

export function dutyState(duty: Duty, bootId: string): DutyState {
  if (isHeld(duty)) return isQuiet(duty) ? 'drained' : 'draining'
  if (duty.record.marker !== null) return 'released'
  if (duty.record.opening === null || duty.record.opening.bootId !== bootId) return 'undecided'
  if (duty.record.opening.is === 'opening') return 'opening'
  return duty.drifted ? 'drifted' : 'open'
}

/** Everything that hangs on the target has stopped, seen after the last stop was sent. */
export function isQuiet(duty: Duty): boolean {
  const { view } = duty
  if (view === null || duty.round === 0 || view.round !== duty.round) return false
  return unitsOf(view).every((unit) => hasStopped(unit) && isEmptied(duty, unit))
}

/** Units that keep a drain waiting, in the order in which systemd showed them. */
export function stillRunning(duty: Duty): readonly string[] {
  if (duty.view === null) return [duty.spec.unit]
  return namesOf(unitsOf(duty.view).filter((unit) => !hasStopped(unit) || !isEmptied(duty, unit)))
}

/** The target is active and whatever its start pulls in has come to a rest. */
export function isUp(view: TargetView): boolean {
  return view.target.active === 'active' && stillStarting(view).length === 0
}

export function stillStarting(view: TargetView): readonly string[] {
  const late = view.dependents.filter(
    (unit) => unit.wanted && (unit.job === 'start' || unit.active === 'activating' || unit.active === 'deactivating'),
  )
  return view.target.active === 'active' ? namesOf(late) : [view.target.unit, ...namesOf(late)]
}

export function failedUnits(duty: Duty): readonly string[] {
  return duty.view === null ? [] : namesOf(unitsOf(duty.view).filter((unit) => unit.active === 'failed'))
}

/** A stop is queued or under way: systemd refuses every start until it has ended. */
export function isStopPending(view: TargetView): boolean {
  return unitsOf(view).some((unit) => unit.job === 'stop' || unit.active === 'deactivating')
}

/** Somebody took the stop away from a unit that still runs. */
export function isStopLost(view: TargetView): boolean {
  return unitsOf(view).some((unit) => !hasStopped(unit) && unit.active !== 'deactivating' && unit.job !== 'stop')
}

export function isStarting(unit: UnitView): boolean {
  return unit.job === 'start' || unit.active === 'activating'
}

function unitsOf(view: TargetView): readonly (UnitView | DependentView)[] {
  return [view.target, ...view.dependents]
}

export function hasStopped(unit: UnitView): boolean {
  return unit.active === 'inactive' || unit.active === 'failed'
}

function isEmptied(duty: Duty, unit: UnitView): boolean {
  return unit.processes === 0 || duty.spec.allowLeftovers.includes(unit.unit)
}

function namesOf(units: readonly UnitView[]): readonly string[] {
  return units.map((unit) => unit.unit)
}
