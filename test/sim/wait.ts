import type { SimHost } from './host.ts'
import type { World } from './world.ts'

/**
 * `guardian wait`: asks the agent and hangs on for its word; where no agent answers it goes by the same rules itself,
 * from the same files. Returns what kills it.
 */
export function runWait(world: World, host: SimHost, target: string, settle: (isOpen: boolean) => void): () => void {
  const beganAtMs = world.schedule.nowMs
  const { life } = host
  let isOver = false
  let leave: () => void = () => {}

  function end(why: string): void {
    if (isOver) return
    isOver = true
    world.note(host.name, `guardian wait ${target}: open, ${why}`)
    settle(true)
  }

  function attempt(): void {
    if (isOver || host.life !== life) return
    const { agent } = host
    if (agent !== null) ask()
    else if (mayOpenAlone(world, host, target, beganAtMs)) end('without an agent')
    else world.schedule.after(500, attempt)
  }

  function ask(): void {
    const { agent } = host
    if (agent === null) return
    const asker = world.random.hex32()
    leave = () => {
      agent.askers.delete(asker)
      agent.dispatch({ type: 'asker-gone', asker })
    }
    agent.askers.set(asker, (isOpen) => {
      agent.askers.delete(asker)
      if (isOpen) world.schedule.after(world.random.between(1, 10), () => end('says the agent'))
      else world.schedule.after(world.random.between(50, 500), attempt)
    })
    agent.dispatch({ type: 'opening-asked', asker, target })
  }

  world.schedule.after(world.random.between(5, 60), attempt)
  return () => {
    if (isOver) return
    isOver = true
    leave()
  }
}

function mayOpenAlone(world: World, host: SimHost, target: string, beganAtMs: number): boolean {
  if (host.disk.markers.has(target)) return false
  if (host.disk.openings.get(target)?.bootId === host.bootId) return true
  const { expectCoordinator, bootWithoutCoordinatorMs } = host.setup.policy
  const waitedMs = world.schedule.nowMs - beganAtMs
  if (expectCoordinator && (bootWithoutCoordinatorMs === null || waitedMs < bootWithoutCoordinatorMs)) return false
  const needs = host.setup.targets.find((spec) => spec.name === target)?.needs ?? []
  return needs.every((need) => world.probeFrom(host, need).ok)
}
