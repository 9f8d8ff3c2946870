import { endOfSwitch, type UnitEnd } from '../core/exit.ts'
import type { World } from '../world.ts'
import { armDeadMan } from './activate.ts'

/** Run by systemd behind the switch, however that ended: from here on the host waits for the word that it may stay. */
export async function exit(world: World, job: string, end: UnitEnd): Promise<void> {
  const { memory, places, units, bootId, nowMs } = world
  const found = await memory.recall(job)
  if (found === null) return
  const current = await places.storePathOf(places.current)
  const { confirmMs } = (await memory.read(job, 'limits')) ?? { confirmMs: 0 }
  // The second is armed before the first is taken away, and both before anybody may commit.
  await armDeadMan(world, job, 'confirm', confirmMs)
  await units.disarm(job, 'activation')
  await memory.write(job, 'exit', { bootId, atMs: nowMs(), ...endOfSwitch(end, current, found.system) })
}
