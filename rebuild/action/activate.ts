import { reasonOf } from '../../daemon/reason.ts'
import { asMessage } from '../../protocol/names.ts'
import type { JobOrder } from '../../protocol/rebuild.ts'
import { programOf, type World } from '../world.ts'
import { faultsOf } from './prefetch.ts'

const bootLimitMs = 10 * 60_000
const spanMaxMs = 86_400_000

/**
 * Lets the new system run without making it the one that boots: a power cut at any instant ends with the previous one.
 * What starts the way back is armed before anything is changed.
 */
export async function activate(world: World, order: JobOrder): Promise<void> {
  const { memory, units, bootId, places } = world
  const { job, mode } = order
  const { prefetch, activation, exit, revert } = await memory.results(job)
  if (activation !== null || exit !== null || revert !== null) return
  if (prefetch?.system == null || prefetch.previous === null || prefetch.blockers.length > 0) return
  const { system, previous, action } = prefetch
  const faults = [...(await faultsOf(world, order.adopt))]
  if ((await places.storePathOf(places.current)) !== previous)
    faults.push('another system runs than when this was prepared')
  const unsettled = await unsettledBeside(world, job)
  // Its way back would lead to a system that nobody has confirmed.
  if (unsettled !== null) faults.push(`job ${unsettled} is neither committed nor reverted`)
  const [fault] = faults
  if (fault !== undefined) return await failed(world, job, fault)
  const kind = (mode === 'auto' ? action : mode) === 'reboot' ? 'reboot' : 'live'
  const confirmMs = Math.min(order.confirmMs, spanMaxMs)
  const activateLimitMs = Math.min(kind === 'reboot' ? order.rebootLimitMs : order.activateLimitMs, spanMaxMs)
  const { source: _source, ...config } = world.config
  await memory.write(job, 'config', config)
  await memory.write(job, 'limits', { activateLimitMs, confirmMs })
  await memory.write(job, 'activation', { bootId, kind })
  try {
    await armDeadMan(world, job, 'activation', activateLimitMs + confirmMs)
    if (kind === 'live') await units.startSwitch(job, programOf(places, system), activateLimitMs)
    else await rebootInto(world, system, previous)
  } catch (cause) {
    await failed(world, job, reasonOf(cause))
  }
}

async function unsettledBeside({ memory }: World, job: string): Promise<string | null> {
  for (const other of await memory.jobs()) {
    if (other === job) continue
    const { activation, commit, revert } = await memory.results(other)
    if (activation !== null && commit?.ok !== true && revert === null) return other
  }
  return null
}

export async function armDeadMan(
  world: World,
  job: string,
  which: 'activation' | 'confirm',
  spanMs: number,
): Promise<void> {
  await world.units.armDeadMan(job, which, spanMs)
  await world.memory.write(job, 'dead-man', { bootId: world.bootId, dueMs: world.nowMs() + spanMs })
}

async function failed({ memory, bootId, nowMs }: World, job: string, reason: string): Promise<void> {
  await memory.write(job, 'exit', { bootId, atMs: nowMs(), exit: -1, cut: false, ok: false, reason: asMessage(reason) })
}

/**
 * The loader lists what the profile has, and starts what it was last told: so the profile gets the new system and is
 * set back before the loader is written anew, by the previous system. Only the boot to come is told to be another, and
 * the one after that is the previous system's again. A loader that cannot do so is left with the new one.
 */
async function rebootInto(world: World, system: string, previous: string): Promise<void> {
  const { nix, loader, units } = world
  await nix.setProfile(system)
  if (await loader.canOnce()) {
    await nix.setProfile(previous)
    await mustBoot(world, previous)
    if (!(await loader.once(system))) throw new Error('the loader has no entry for the new system')
  } else await mustBoot(world, system)
  await units.reboot()
}

async function mustBoot(world: World, system: string): Promise<void> {
  const { code } = await world.switchTo(system, 'boot', bootLimitMs)
  if (code !== 0) throw new Error(`the loader could not be written (exit ${code})`)
}
