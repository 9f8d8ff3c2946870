import { afterBoot } from '../core/boot.ts'
import type { JobMemory } from '../core/way-back.ts'
import type { World } from '../world.ts'
import { armDeadMan } from './activate.ts'
import { finishCommit } from './commit.ts'
import { settleBack, settled, take } from './go-back.ts'

/** After a boot: what it has made of a job, and what is still to be done for it. */
export async function resume(world: World, job: string): Promise<void> {
  const { memory } = world
  const found = await memory.recall(job)
  if (found === null) return
  const outcome = afterBoot(found, await world.sight())
  switch (outcome.is) {
    case 'nothing':
      return
    case 'returned':
      await take(world, found, outcome.steps)
      return await settleBack(world, job, found, outcome.reason)
    case 'arrived':
      return await arrive(world, job, found)
    case 'commit':
      return await finishCommit(world, job, found)
    case 'stuck':
      return await settled(world, job, false, outcome.reason)
    default:
      return outcome satisfies never
  }
}

/** Timers do not outlive a boot, so the way back is armed anew. */
async function arrive(world: World, job: string, { exit }: JobMemory): Promise<void> {
  const { memory, bootId, nowMs } = world
  const { confirmMs } = (await memory.read(job, 'limits')) ?? { confirmMs: 0 }
  await armDeadMan(world, job, 'confirm', confirmMs)
  await memory.write(job, 'exit', { bootId, atMs: nowMs(), exit: exit?.exit ?? 0, cut: false, ok: true, reason: '' })
}
