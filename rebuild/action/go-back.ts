import { asMessage } from '../../protocol/names.ts'
import { type BackStep, type JobMemory, stepsBack, verdictBack } from '../core/way-back.ts'
import type { World } from '../world.ts'

const switchLimitMs = 30 * 60_000
const bootLimitMs = 10 * 60_000

/** What the agent asks for: the way back in a unit of its own, because the switch on it may end whoever began it. */
export async function revert(world: World, job: string): Promise<void> {
  const { memory, units } = world
  const { activation, revert: before } = await memory.results(job)
  if (before?.ok === true) return
  if (activation === null) return await settled(world, job, true, 'nothing of it was ever active')
  // One that failed is tried once more where somebody asks for it once more.
  await memory.remove(job, 'revert')
  await units.startWayBack(job)
}

/** The way back itself. `byItself`: nobody has confirmed the new system in time. */
export async function goBack(world: World, job: string, byItself: boolean): Promise<void> {
  const { memory, units, bootId } = world
  const found = await memory.recall(job)
  if (found === null || found.revert !== null) return
  if (byItself && found.commit?.ok === true) return
  await units.stopSwitch(job)
  const now = (await memory.recall(job)) ?? found
  const steps = stepsBack(now, await world.sight())
  if (steps.includes('reboot')) await memory.write(job, 'leaving', { bootId })
  await take(world, now, steps)
  if (!steps.includes('reboot')) await settleBack(world, job, now, byItself ? 'nobody confirmed it in time' : '')
}

/** One after the other, each in spite of the others: what counts is what is read in the end. */
export async function take(world: World, { system, previous }: JobMemory, steps: readonly BackStep[]): Promise<void> {
  const { nix, units } = world
  for (const step of steps) {
    switch (step) {
      case 'finish':
        await world.switchTo(system, 'test', switchLimitMs)
        break
      case 'profile':
        await nix.setProfile(previous)
        break
      case 'boot':
        await world.switchTo(previous, 'boot', bootLimitMs)
        break
      case 'switch':
        await world.switchTo(previous, 'test', switchLimitMs)
        break
      case 'reboot':
        await units.reboot()
        break
      default:
        step satisfies never
    }
  }
}

/** Reads whether the host is back, and writes it down. */
export async function settleBack(world: World, job: string, found: JobMemory, why: string): Promise<void> {
  const { memory, units } = world
  const { ok, reason } = verdictBack(found, await world.sight())
  if (ok && found.commit?.ok === true) await memory.setCommitted(found.previous)
  await settled(world, job, ok, [why, reason].filter((text) => text !== '').join(': '))
  await units.disarm(job)
  await units.tidy(job)
}

export async function settled(
  { memory, bootId, nowMs }: World,
  job: string,
  ok: boolean,
  reason: string,
): Promise<void> {
  await memory.write(job, 'revert', { bootId, atMs: nowMs(), ok, reason: asMessage(reason) })
}
