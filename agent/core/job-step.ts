import { limits } from '../../protocol/limits.ts'
import { asMessage } from '../../protocol/names.ts'
import type { JobOrder, JobRecord } from '../../protocol/rebuild.ts'
import { unitsOf } from '../../protocol/rebuild-units.ts'
import type { Next } from '../../protocol/step.ts'
import type { JobCommand } from '../../protocol/v2/job.ts'
import type { AgentEffect, JobSave } from './effect.ts'
import type { AgentEvent } from './event.ts'
import { isBusy, type Job, type JobSight, jobState, newJob, type Rebuilds, rankOf } from './job.ts'
import { arrivalOf, baselineOf, countRestarts } from './job-health.ts'
import { isHelperFree, type Missing, missingOf } from './job-next.ts'
import { jobReports, reasonOf } from './job-report.ts'
import type { AgentState } from './state.ts'

type Happened<Type extends AgentEvent['type']> = Extract<AgentEvent, { type: Type }>

/** One place of a report is for a job that is refused. */
export const keptMax = limits.jobsMax - 1
const pauseMinMs = 1_000
const pauseMaxMs = 15_000

/** What must be durable, and what follows where it is; where it cannot be, nothing has happened. */
export interface JobMove {
  readonly save: JobSave | null
  readonly next: Omit<Next<AgentState, AgentEffect>, 'answer'>
}

const report: AgentEffect = { type: 'report' }

/** Takes an order whose claim is good. It never takes a job back: a `want` behind what was ordered changes nothing. */
export function orderJob(state: AgentState, rebuilds: Rebuilds, command: JobCommand, link: string): JobMove {
  const known = rebuilds.jobs.get(command.job)
  const order = orderOf(command)
  const log = { link, after: command.logAfter }
  if (known === undefined) {
    // Whatever it was, nothing of it is here.
    if (order.want === 'forgotten') return { save: null, next: { state, effects: [report] } }
    if (rebuilds.jobs.size >= keptMax) return refuse(state, rebuilds, order)
    return taken(keep(state, { ...newJob({ order, baseline: null }), log }), order)
  }
  const job = known.log?.link === link ? known : { ...known, log }
  const before = known.record.order
  // The system of a job never changes: whoever wants another one has another job.
  const wanted = rankOf(order.want) < rankOf(before.want) ? before : { ...order, source: before.source }
  // Whoever says so once more wants it tried once more.
  const again = job.again || (order.want === 'reverted' && jobState(job) === 'revert-failed')
  if (JSON.stringify(wanted) === JSON.stringify(before))
    return { save: null, next: { state: withJob(state, { ...job, again }), effects: [report] } }
  const record = { ...job.record, order: wanted }
  return taken(keep(state, { ...job, record, again, failures: 0, againAtMs: 0, trouble: '' }), wanted)
}

function taken({ save, next }: JobMove, { job, rollout, want }: JobOrder): JobMove {
  const note: AgentEffect = { type: 'note', note: { what: 'job-ordered', job, rollout, want } }
  return { save, next: { ...next, effects: [...next.effects, note] } }
}

function refuse(state: AgentState, rebuilds: Rebuilds, { job, rollout }: JobOrder): JobMove {
  const rollouts = [...new Set([...rebuilds.jobs.values()].map(({ record }) => record.order.rollout))].join(', ')
  const reason = `this host has ${rebuilds.jobs.size} rebuilds already, of ${rollouts}: forget one of them first`
  const next = { ...state, rebuilds: { ...rebuilds, refused: { job, rollout, reason } } }
  const note: AgentEffect = { type: 'note', note: { what: 'job-refused', job, rollout } }
  return { save: null, next: { state: next, effects: [report, note] } }
}

function orderOf(command: JobCommand): JobOrder {
  const { type: _type, id: _id, claim: _claim, logAfter: _logAfter, ...order } = command
  return order
}

/** What the host shows of a job now; once a second at least while it is on its way. */
export function seeJob(state: AgentState, rebuilds: Rebuilds, { job: id, sight, atMs }: Happened<'job-seen'>): JobMove {
  const known = rebuilds.jobs.get(id)
  // A look that began before the helper was last started knows nothing of that.
  if (known === undefined || sight.round < known.round) return still(state)
  const firstSeenMs = known.firstSeenMs ?? atMs
  const seen = { ...known, sight, seenAtMs: atMs, firstSeenMs, restarts: restartsOf(known, sight, atMs) }
  const job = settleStart(state, seen, atMs)
  const missing = missingOf(state, job)
  if (missing.is === 'baseline' && sight.units !== null) {
    const record: JobRecord = { ...job.record, baseline: baselineOf(state, sight.units) }
    return keep(state, { ...job, record })
  }
  if (missing.is === 'forgotten' && !isBusy(sight)) return forget(state, rebuilds, id)
  const { state: next, effects } = start(withJob(state, job), job, missing, atMs)
  const news = tellingOf(state) === tellingOf(next) ? [] : [report, ...turned(known, job)]
  return { save: null, next: { state: next, effects: [...effects, ...news] } }
}

export function probeJob(
  state: AgentState,
  rebuilds: Rebuilds,
  { job: id, name, ...told }: Happened<'job-probed'>,
): JobMove {
  const job = rebuilds.jobs.get(id)
  const before = job?.probes.get(name)
  const verdict = { ok: told.ok, reason: asMessage(told.reason) }
  if (job === undefined || (before?.ok === verdict.ok && before.reason === verdict.reason)) return still(state)
  const probes = new Map(job.probes).set(name, verdict)
  return { save: null, next: { state: withJob(state, { ...job, probes }), effects: [report] } }
}

/** From when a system began to run. */
function restartsOf({ restarts, sight }: Job, { results, units }: JobSight, atMs: number): Job['restarts'] {
  if (arrivalOf(results) === null || units === null) return restarts
  const isBackNow = results.revert !== null && sight?.results.revert === null
  return countRestarts(isBackNow ? null : restarts, units, atMs)
}

/** A helper that is gone without having brought what it was started for is started again after a while. */
function settleStart(state: AgentState, job: Job, atMs: number): Job {
  const { sight, asked, failures, record } = job
  if (asked === null || sight === null || isBusy(sight)) return job
  const missing = missingOf(state, job)
  const isDone = missing.is !== 'action' || missing.action !== asked
  if (isDone) return { ...job, asked: null, failures: 0, againAtMs: 0, trouble: '' }
  const againAtMs = atMs + Math.min(pauseMaxMs, pauseMinMs * 2 ** failures)
  const trouble = sight.refused ?? `it brought no result; see journalctl -u ${unitsOf(record.order.job).helper(asked)}`
  return { ...job, asked: null, failures: failures + 1, againAtMs, trouble: `${asked}: ${trouble}` }
}

function start(state: AgentState, job: Job, missing: Missing, atMs: number): JobMove['next'] {
  const isDue = missing.is === 'action' && atMs >= job.againAtMs
  if (!isDue || !isHelperFree(state.rebuilds?.jobs ?? new Map())) return { state, effects: [] }
  const { action } = missing
  const { job: id } = job.record.order
  const round = job.round + 1
  return {
    state: withJob(state, { ...job, round, asked: action, again: job.again && action !== 'revert' }),
    effects: [
      { type: 'helper', job: id, action, round },
      { type: 'note', note: { what: 'job-asked', job: id, action } },
    ],
  }
}

function turned(before: Job, job: Job): readonly AgentEffect[] {
  const is = jobState(job)
  if (is === jobState(before)) return []
  return [{ type: 'note', note: { what: 'job-turned', job: job.record.order.job, is, reason: reasonOf(job) } }]
}

function forget(state: AgentState, { jobs }: Rebuilds, id: string): JobMove {
  const rest = new Map(jobs)
  rest.delete(id)
  const next = { ...state, rebuilds: { jobs: rest, refused: null } }
  const note: AgentEffect = { type: 'note', note: { what: 'job-forgotten', job: id } }
  return { save: { job: id, record: null }, next: { state: next, effects: [report, note] } }
}

function keep(state: AgentState, job: Job): JobMove {
  const { record } = job
  return {
    save: { job: record.order.job, record },
    next: { state: withJob(state, job), effects: [report] },
  }
}

function still(state: AgentState): JobMove {
  return { save: null, next: { state, effects: [] } }
}

function withJob(state: AgentState, job: Job): AgentState {
  const { jobs = new Map(), refused = null } = state.rebuilds ?? {}
  const id = job.record.order.job
  return {
    ...state,
    rebuilds: { jobs: new Map(jobs).set(id, job), refused: refused?.job === id ? null : refused },
  }
}

/** What a report says, but for the time that passes. */
function tellingOf(state: AgentState): string {
  return JSON.stringify(jobReports(state).map((job) => ({ ...job, deadManMs: null })))
}
