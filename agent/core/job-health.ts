import type { JobBaseline, JobResults } from '../../protocol/rebuild.ts'
import type { JobHealth } from '../../protocol/v2/job.ts'
import { dutyState } from './duty.ts'
import type { Job, RestartCount, UnitSight } from './job.ts'
import type { AgentState } from './state.ts'

// A unit that is started again twice, and not for the last time long ago, does not come up.
const loopingCount = 2
const loopingMs = 30_000

const ownUnit = /^(guardian-(switch|revert|deadman|confirm)-|io-guardian-rebuild@)/

/** How the host is against what it was before; null before it has come to a system, and where nobody has looked. */
export function healthOf(state: AgentState, job: Job): JobHealth | null {
  const { sight, seenAtMs, restarts } = job
  const { baseline, order } = job.record
  const since = sight === null ? null : arrivalOf(sight.results)
  if (sight?.units == null || baseline === null || since === null) return null
  // A host that was restarted since has come to it with its boot, of which this agent knows its own beginning.
  const sinceMs = since.bootId === state.bootId ? since.atMs : (job.firstSeenMs ?? seenAtMs)
  const before = [...baseline.failed, ...baseline.restarting]
  const shut = shutDependents(state)
  const isNew = (unit: string): boolean => !before.includes(unit) && !ownUnit.test(unit) && !shut.has(unit)
  const up = new Set(activeDependents(state))
  return {
    settled: seenAtMs - sinceMs >= order.settleMs,
    failed: sight.units.failed.filter(isNew),
    looping: loopingUnits(restarts, seenAtMs).filter(isNew),
    missing: baseline.active.filter((unit) => !up.has(unit)),
    probes: [...job.probes].map(([name, { ok, reason }]) => ({ name, ok, reason })),
  }
}

/** When the new system, or the previous one again, began to run. */
export function arrivalOf({
  activation,
  exit,
  revert,
}: JobResults): { readonly bootId: string; readonly atMs: number } | null {
  if (revert !== null) return revert.ok && activation !== null ? revert : null
  return exit?.ok === true ? exit : null
}

/** As far as can be told while nothing is open. */
export function isWell(state: AgentState, job: Job): boolean {
  const health = healthOf(state, job)
  return health?.settled === true && health.failed.length + health.looping.length === 0
}

export function baselineOf(state: AgentState, units: UnitSight): JobBaseline {
  const { failed, restarting } = units
  return { bootId: state.bootId, failed: [...failed], restarting: [...restarting], active: activeDependents(state) }
}

/** Those that a start of their target starts; others come and go by themselves. */
function activeDependents(state: AgentState): string[] {
  const dependents = [...state.duties.values()].flatMap(({ view }) => view?.dependents ?? [])
  return dependents.filter(({ active, wanted }) => active === 'active' && wanted).map(({ unit }) => unit)
}

/** Dependents of targets that are not open: what a drain did to them is no fault of the system. */
function shutDependents(state: AgentState): ReadonlySet<string> {
  const shut = [...state.duties.values()].filter((duty) => dutyState(duty, state.bootId) !== 'open')
  return new Set(shut.flatMap(({ view }) => view?.dependents ?? []).map(({ unit }) => unit))
}

/** The counts once `units` was seen; the first ones are what is counted from. */
export function countRestarts(
  before: Job['restarts'],
  { restarts }: UnitSight,
  atMs: number,
): ReadonlyMap<string, RestartCount> {
  return new Map(
    restarts.map(([unit, count]): [string, RestartCount] => {
      const known = before === null ? { count, grown: 0, grewAtMs: atMs } : before.get(unit)
      // A start by somebody else sets systemd's own count back.
      const grown = known === undefined || count < known.count ? count : count - known.count
      if (grown === 0 && known !== undefined) return [unit, { ...known, count }]
      return [unit, { count, grown: (known?.grown ?? 0) + grown, grewAtMs: atMs }]
    }),
  )
}

function loopingUnits(restarts: Job['restarts'], atMs: number): string[] {
  const counts = [...(restarts ?? [])]
  return counts
    .filter(([, { grown, grewAtMs }]) => grown >= loopingCount && atMs - grewAtMs < loopingMs)
    .map(([unit]) => unit)
}
