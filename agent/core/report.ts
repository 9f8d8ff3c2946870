import type { Hold } from '../../protocol/hold.ts'
import { limits } from '../../protocol/limits.ts'
import type { AgentHello } from '../../protocol/v2/hello.ts'
import { versions } from '../../protocol/v2/hello.ts'
import type { Report, TargetReport } from '../../protocol/v2/report.ts'
import { dutyState, failedUnits, hasStopped, holdsOf, isStarting, isStopPending } from './duty.ts'
import { type FitJob, jobReports } from './job-report.ts'
import { hasCoordinator, needsWord, wantsOpen } from './permission.ts'
import type { AgentState, DependentView, Duty } from './state.ts'

/** Bytes of a frame, spent so that the whole report of a host fits into one; the rest is brackets and names. */
const room = { holds: 24_000, dependents: 20_000, units: 6_000, reasons: 8_000 } as const
/** The same of each list of a job, where there is one; and what is left to the rest then. */
const jobsRoom = 16_000
const jobLists = 7
const besideJobs = 0.5

/** Everything that a coordinator is told of this host. */
export function reportOf(state: AgentState): Report {
  const jobs = jobReports(state, fittingJobs(state.rebuilds?.jobs.size ?? 0))
  const share = jobs.length === 0 ? 1 : besideJobs
  const reasonLength = Math.floor((room.reasons * share) / Math.max(1, state.probes.size))
  const probes = [...state.probes].map(([resource, { ok, reason }]) => ({
    resource,
    ok,
    reason: reason.slice(0, reasonLength),
  }))
  const targets = [...state.duties.values()].map((duty) => ({
    ...targetReport(duty, state.bootId, share / state.duties.size),
    waitingFor: waitingFor(state, duty),
  }))
  const told = { type: 'report' as const, seen: state.seen, targets, probes: probes.slice(0, limits.probesMax) }
  return state.rebuilds === null ? told : { ...told, jobs: [...jobs] }
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
    ...(state.rebuilds === null ? {} : { features: ['jobs'] }),
  }
}

/** `share` is the part of a frame that this target may fill. */
export function targetReport(duty: Duty, bootId: string, share = 1): TargetReport {
  const dependents = duty.view?.dependents ?? []
  const shown = fitting(runningFirst(dependents), room.dependents * share)
  return {
    target: duty.spec.name,
    is: dutyState(duty, bootId),
    holds: fittingHolds(holdsOf(duty), room.holds * share),
    durable: duty.durable,
    allowed: duty.allowed,
    dependents: shown,
    dependentsLeftOut: dependents.length - shown.length,
    waitingFor: '',
    failed: fittingUnits(failedUnits(duty), share),
    breaches: duty.breaches,
  }
}

function fittingJobs(jobs: number): FitJob {
  return (items) => fitting(items, jobsRoom / jobLists / Math.max(1, jobs))
}

/** Names of units, as many as a frame has room for. */
export function fittingUnits(units: readonly string[], share = 1): string[] {
  return fitting(units, room.units * share)
}

/** In words for a person: why a target that is to open has not been started. */
export function waitingFor(state: AgentState, duty: Duty): string {
  const isOpening = dutyState(duty, state.bootId) === 'opening'
  if (isOpening ? hasStarted(duty) : !wantsOpen(state, duty)) return ''
  const bad = duty.spec.needs.filter((need) => state.probes.get(need)?.ok !== true)
  if (bad.length > 0)
    return bad
      .map((need) => `${need}: ${state.probes.get(need)?.reason ?? 'not probed yet'}`)
      .join('; ')
      .slice(0, limits.messageLength)
  if (hasStopAhead(duty)) return 'the stop to end'
  if (!isOpening && needsWord(state, duty))
    return hasCoordinator(state) ? 'the coordinator' : 'the coordinator, which has no link here'
  return duty.view === null ? 'systemd' : ''
}

function hasStarted({ view }: Duty): boolean {
  return view !== null && (view.target.active === 'active' || isStarting(view.target))
}

function hasStopAhead({ view, work, round }: Duty): boolean {
  return view !== null && (isStopPending(view) || (work.is === 'stopping' && view.round !== round))
}

// What still runs first, so that what is left out is what nobody waits for.
function runningFirst(dependents: readonly DependentView[]): TargetReport['dependents'] {
  const ordered = [...dependents.filter((unit) => !hasStopped(unit)), ...dependents.filter(hasStopped)]
  return ordered.map(({ unit, active, guarded, processes }) => ({ unit, active, guarded, processes }))
}

// Every id is told, or the coordinator would give the hold again for ever; what a person reads of it goes first.
function fittingHolds(holds: readonly Hold[], bytesMax: number): Hold[] {
  const told = holds.slice(0, limits.holdsMax)
  return bytesOf(told) <= bytesMax ? told : told.map((hold) => ({ ...hold, message: '', except: [] }))
}

function fitting<Item>(items: readonly Item[], bytesMax: number): Item[] {
  let bytes = 0
  return items.slice(0, limits.dependentsMax).filter((item) => {
    bytes += bytesOf(item) + 1
    return bytes <= bytesMax
  })
}

// A character beyond ASCII takes three bytes at most, or two and another two.
function bytesOf(value: unknown): number {
  const text = JSON.stringify(value)
  return /[^ -~]/.test(text) ? text.length * 3 : text.length
}
