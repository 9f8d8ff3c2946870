import { GuardianError } from '../../protocol/errors.ts'
import type { World } from '../world.ts'

/** Gives up what was kept for a job. Not where something of it runs that is not yet to stay. */
export async function forget({ memory, nix, units }: World, job: string): Promise<void> {
  const { activation, commit, revert } = await memory.results(job)
  if (activation !== null && commit?.ok !== true && revert === null)
    throw new GuardianError('held', `job ${job} is neither committed nor reverted`)
  await units.tidy(job)
  await nix.dropRoots(job)
  await memory.forget(job)
}
