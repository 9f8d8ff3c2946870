import { type BackStep, bootSteps, type HostSight, type JobMemory, verdictBack } from './way-back.ts'

/**
 * What a boot has made of a job that was not committed.
 * - `returned`: the previous system is up; `steps` are what is left of the way back.
 * - `arrived`: the new system is up for the first time, and is to be confirmed like after a switch.
 * - `commit`: it is what the loader starts already, so that its commit is brought to an end.
 * - `stuck`: neither is where it ought to be, for a person.
 */
export type BootOutcome =
  | { readonly is: 'nothing' }
  | { readonly is: 'returned'; readonly steps: readonly BackStep[]; readonly reason: string }
  | { readonly is: 'arrived' }
  | { readonly is: 'commit' }
  | { readonly is: 'stuck'; readonly reason: string }

export function afterBoot(job: JobMemory, sight: HostSight): BootOutcome {
  const { activation, exit, commit, revert, leaving } = job
  if (activation === null || revert !== null || commit?.ok === true) return { is: 'nothing' }
  if ((exit ?? activation).bootId === sight.bootId) return { is: 'nothing' }
  if (sight.current === job.previous)
    return {
      is: 'returned',
      steps: bootSteps(job, sight),
      reason: leaving === null ? 'the host came up again with the system that it had before' : 'rebooted into it',
    }
  if (leaving !== null || sight.current !== job.system) return { is: 'stuck', reason: verdictBack(job, sight).reason }
  return job.committing ? { is: 'commit' } : { is: 'arrived' }
}
