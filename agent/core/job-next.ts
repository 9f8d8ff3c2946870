import type { HelperAction } from '../../protocol/rebuild-units.ts'
import { isBusy, isUncommitted, type Job, type JobSight, jobState, wants } from './job.ts'
import { isWell } from './job-health.ts'
import type { AgentState } from './state.ts'

/** What is missing until a job is as far as it is wanted. */
export type Missing =
  | { readonly is: 'nothing' }
  | { readonly is: 'action'; readonly action: HelperAction }
  /** What runs now is to be written down. */
  | { readonly is: 'baseline' }
  /** It can be forgotten here, for the helper keeps nothing of it any more. */
  | { readonly is: 'forgotten' }

const nothing: Missing = { is: 'nothing' }
const act = (action: HelperAction): Missing => ({ is: 'action', action })

export function missingOf(state: AgentState, job: Job): Missing {
  const { sight, record } = job
  if (sight === null) return nothing
  const { order } = record
  const { prefetch, activation, exit, revert } = sight.results
  if (order.want === 'forgotten') return ending(sight)
  if (revert !== null) return job.again && !revert.ok ? act('revert') : nothing
  if (order.want === 'reverted') return act('revert')
  if (prefetch === null || (prefetch.blockers.length > 0 && order.adopt && !prefetch.adopt)) return act('prefetch')
  if (prefetch.blockers.length > 0) return nothing
  if (wants(job, 'baselined') && record.baseline === null) return { is: 'baseline' }
  // A boot that came between has taken the timer of the way back with it, and may have been the way back.
  const bootId = (exit ?? activation)?.bootId ?? state.bootId
  if (bootId !== state.bootId && isUncommitted(sight.results)) return act('resume')
  if (wants(job, 'active') && activation === null && exit === null) return act('activate')
  return mayCommit(state, job) ? act('commit') : nothing
}

function ending({ known, results }: JobSight): Missing {
  if (!known) return { is: 'forgotten' }
  return act(isUncommitted(results) ? 'revert' : 'forget')
}

/** On the coordinator's own host nobody else may be there to say so. */
function mayCommit(state: AgentState, job: Job): boolean {
  if (jobState(job) !== 'active') return false
  return wants(job, 'committed') || (job.record.order.self !== null && isWell(state, job))
}

/** One action of the helper at a time, whichever job it is for; and not before each job has been looked at. */
export function isHelperFree(jobs: ReadonlyMap<string, Job>): boolean {
  return [...jobs.values()].every(({ sight, round }) => sight !== null && sight.round === round && !isBusy(sight))
}
