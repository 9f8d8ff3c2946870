import { limits } from '../../protocol/limits.ts'
import type { AgentHello } from '../../protocol/v2/hello.ts'
import { versions } from '../../protocol/v2/hello.ts'
import type { Report, TargetReport } from '../../protocol/v2/report.ts'
import { dutyState, failedUnits, hasStopped, holdsOf, isStopPending } from './duty.ts'
import type { AgentState, DependentView, Duty } from './state.ts'

/** Everything that a coordinator is told of this host. */
export function reportOf(state: AgentState): Report {
  const probes = [...state.probes].map(([resource, { ok, reason }]) => ({ resource, ok, reason }))
  const targets = [...state.duties.values()].map((duty) => ({
    ...targetReport(duty, state.bootId),
    waitingFor: waitingFor(state, duty),
  }))
  return { type: 'report', seen: state.seen, targets, probes: probes.slice(0, limits.probesMax) }
}

export function helloOf(state: AgentState, atMs: number): AgentHello {
  const { host, build } = state.policy
  const targets = [...state.duties.keys()]
  return {
    type: 'hello',
    version: versions.newest,
    host,
    bootId: state.bootId,
    build,
    seen: state.seen,
    targets,
    clockMs: atMs,
  }
}

export function targetReport(duty: Duty, bootId: string): TargetReport {
  const dependents = duty.view?.dependents ?? []
  const shown = toShow(dependents)
  return {
    target: duty.spec.name,
    is: dutyState(duty, bootId),
    holds: [...holdsOf(duty)],
    durable: duty.durable,
    allowed: duty.allowed,
    dependents: shown.map(({ unit, active, guarded, processes }) => ({ unit, active, guarded, processes })),
    dependentsLeftOut: dependents.length - shown.length,
    waitingFor: '',
    failed: [...failedUnits(duty)].slice(0, limits.dependentsMax),
    breaches: duty.breaches,
  }
}

/** In words for a person: why a target that may open has not. */
export function waitingFor(state: AgentState, duty: Duty): string {
  if (duty.record.marker?.length !== 0 && dutyState(duty, state.bootId) !== 'undecided') return ''
  const bad = duty.spec.needs.filter((need) => state.probes.get(need)?.ok !== true)
  if (bad.length > 0)
    return bad
      .map((need) => `${need}: ${state.probes.get(need)?.reason ?? 'not probed yet'}`)
      .join('; ')
      .slice(0, limits.messageLength)
  if (duty.view !== null && isStopPending(duty.view)) return 'the stop to end'
  return duty.allowed ? '' : 'the coordinator'
}

const budgetBytes = limits.frameBytes / 4

// What still runs first, so that what is left out is what nobody waits for.
function toShow(dependents: readonly DependentView[]): readonly DependentView[] {
  const ordered = [...dependents.filter((unit) => !hasStopped(unit)), ...dependents.filter(hasStopped)]
  let bytes = 0
  return ordered.slice(0, limits.dependentsMax).filter((unit) => {
    bytes += unit.unit.length + 80
    return bytes <= budgetBytes
  })
}
