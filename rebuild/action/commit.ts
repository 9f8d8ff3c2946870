import { GuardianError } from '../../protocol/errors.ts'
import { asMessage } from '../../protocol/names.ts'
import type { JobOrder } from '../../protocol/rebuild.ts'
import { whyNotLed } from '../adapters/coordinator.ts'
import type { JobMemory } from '../core/way-back.ts'
import type { World } from '../world.ts'

const bootLimitMs = 10 * 60_000
const ledWaitMs = 30_000

/** Makes the system that runs the one that boots. On the coordinator's own host only where that coordinator leads. */
export async function commit(world: World, order: JobOrder): Promise<void> {
  const { memory, config } = world
  const found = await memory.recall(order.job)
  if (found === null || found.exit?.ok !== true || found.commit !== null || found.revert !== null) return
  if (order.self !== null) {
    const why = await whyNotLed(config.coordinator, order.self.agents, ledWaitMs)
    if (why !== null)
      throw new GuardianError('no-coordinator', `not committed, for the coordinator here does not lead: ${why}`)
  }
  await finishCommit(world, order.job, found)
}

/**
 * Profile, then loader, then read back; the record of success comes last. Until the loader's default has moved a boot
 * brings the previous system, and what is left of the profile is put right by the resume; once it has, a boot brings the
 * new one, and the resume finishes the commit. There is no third case, for the loader replaces its default whole.
 */
export async function finishCommit(world: World, job: string, found: JobMemory): Promise<void> {
  const { memory, nix, units } = world
  const { system, previous } = found
  await memory.write(job, 'committing', {})
  await nix.setProfile(system)
  const { code } = await world.switchTo(system, 'boot', bootLimitMs)
  const { current, profile, loader } = await world.sight()
  const wrong = [
    ...(code === 0 ? [] : [`writing the loader failed (exit ${code})`]),
    ...(current === system ? [] : [`${current ?? 'nothing'} runs`]),
    ...(profile === system ? [] : [`the profile is ${profile ?? 'nothing'}`]),
    // A full /boot makes the loader keep what it had, and say nothing.
    ...(loader === null || loader === system ? [] : [`the loader would start ${loader}`]),
  ]
  if (wrong.length > 0) {
    await nix.setProfile(previous)
    await world.switchTo(previous, 'boot', bootLimitMs)
    await memory.remove(job, 'committing')
    await memory.write(job, 'commit', { ok: false, reason: asMessage(`not committed: ${wrong.join(', ')}`) })
    return
  }
  await memory.setCommitted(system)
  await memory.write(job, 'commit', { ok: true, reason: '' })
  await units.disarm(job)
  await units.tidy(job)
}
