import type { Hold } from '../../protocol/hold.ts'
import type { SimHost } from './host.ts'
import type { World } from './world.ts'

/** Whoever has the key of one host: its agent's own report, with a hold made up on top. Only that host may suffer. */
export function lie(world: World, host: SimHost): void {
  const { agent } = host
  if (agent === null) return
  world.liars.add(host.name)
  const hold = invented(world, host)
  const report = world.cores.agentReport.reportOf(agent.state)
  const targets = report.targets.map((target) => ({ ...target, holds: [...target.holds, hold] }))
  world.note(host.name, 'lies', hold)
  for (const { id, role } of agent.state.links.values()) {
    if (role === 'coordinator') agent.links.get(id)?.answer({ ...report, targets })
  }
}

function invented(world: World, liar: SimHost): Hold {
  const { random, hosts, io } = world
  const others = hosts.filter((host) => host !== liar)
  const shared = others.flatMap(({ disk }) => [...disk.markers.values()].flat())
  const base = shared.length > 0 && random.chance(0.5) ? random.pick(shared) : foretold(world)
  const except = random.chance(0.5) ? others.map(({ name }) => name) : []
  const end = random.chance(0.5) ? { remainingMs: 1 } : {}
  return { ...base, except, sinceMs: io.wallMs(), ...end }
}

/** The hold that a gate is about to have. */
function foretold({ random, plan, gateFiles, guesses, io }: World): Hold {
  const resource = random.pick(plan.gated)
  const seq = Math.max(gateFiles.get(resource)?.seq ?? 0, io.clockMs()) + random.between(5_000, 15_000)
  guesses.set(resource, seq)
  const owner = random.pick([`gate:${resource}`, 'operator:eve'] as const)
  return { id: `${resource}/${io.bootId}/${seq}`, owner, message: '', sinceMs: 0, selector: '*', except: [] }
}
