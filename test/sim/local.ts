import type { AgentMessage } from '../../protocol/v2.ts'
import type { SimHost } from './host.ts'
import { Connection } from './network.ts'
import type { World } from './world.ts'

// People and machines at one host, who know nothing of any coordinator.

/** An administrator, a timer, a NixOS switch: whoever starts and stops units by themselves. */
export function actAsAdmin(world: World, host: SimHost): void {
  if (host.power !== 'on') return
  const { random } = world
  const { manager } = host
  const units = [...manager.units.values()].filter((each) => each.spec.role !== 'wait')
  const busy = units.filter((unit) => unit.job !== null)
  const { name } = random.pick(busy.length > 0 && random.chance(0.5) ? busy : units).spec
  const roll = random.next()
  world.note(host.name, 'somebody acts on', name)
  if (roll < 0.4) manager.start(name)
  else if (roll < 0.5) manager.restart(name)
  else if (roll < 0.6) manager.stop(name, false)
  else if (roll < 0.7) manager.cancel(name)
  else if (roll < 0.8) manager.crash(name, random.chance(0.7))
  else switchSystem(world, host)
}

/** switch-to-configuration: restarts what changed and starts whatever multi-user.target wants. */
function switchSystem(world: World, host: SimHost): void {
  world.note(host.name, 'switches its system')
  const units = [...host.manager.units.values()]
  for (const { spec } of world.random.some(units, 0.2)) if (spec.role === 'dependent') host.manager.restart(spec.name)
  host.manager.boot()
}

/** `guardian ctl --direct`: drains with a hold of its own, or releases by id, without a coordinator. */
export function actDirectly(world: World, host: SimHost, mayRelease: 'own' | 'any'): void {
  const { random, network } = world
  const target = random.pick(host.setup.targets).name
  const authority = { kind: 'direct' as const, operator: 'bob' }
  const isDrain = mayRelease === 'own' && random.chance(0.4)
  const told = (connection: Connection, message: AgentMessage) => {
    if (message.type === 'hello') return connection.send(isDrain ? drain(world, target) : { type: 'status' })
    if (message.type === 'response') return connection.close()
    if (message.type !== 'report') return
    const held = message.targets.find((report) => report.target === target)?.holds ?? []
    const own = held.filter((hold) => mayRelease === 'any' || hold.owner === 'direct')
    world.wasForced.add(host.name)
    const release = own.map((hold) => hold.id)
    const command = { type: 'command' as const, id: 'direct', action: 'undrain' as const, target, authority }
    connection.send({ ...command, release, allow: random.chance(0.7), limitMs: 5_000 })
  }
  const hello = { type: 'hello' as const, oldest: 2, newest: 2, authority, build: 'ctl' }
  new Connection(network, host, { told, closed: () => {} }, hello)
}

/** An order of a gate that has long ended: its kernel sent it again until the host could be reached. */
export function actAsLateGate(world: World, host: SimHost): void {
  if (world.gateHolds.length === 0) return
  const hold = world.random.pick(world.gateHolds)
  const [resource = ''] = hold.id.split('/')
  const authority = { kind: 'gate' as const, resource }
  const target = host.setup.targets.find((spec) => spec.needs.includes(resource))?.name
  const told = (connection: Connection, message: AgentMessage) => {
    if (message.type !== 'hello' || target === undefined) return connection.close()
    const command = { type: 'command' as const, id: 'late', action: 'drain' as const, target, authority }
    connection.send({ ...command, holds: [hold], release: [], limitMs: 0 })
  }
  const hello = { type: 'hello' as const, oldest: 2, newest: 2, authority, build: 'gate' }
  new Connection(world.network, host, { told, closed: () => {} }, hello)
}

function drain(world: World, target: string) {
  const authority = { kind: 'direct' as const, operator: 'bob' }
  const id = `direct/${world.random.hex32()}`
  const hold = { id, owner: 'direct' as const, message: '', sinceMs: 0, selector: '*', except: [] }
  const command = { type: 'command' as const, id: 'direct', action: 'drain' as const, target, authority }
  return { ...command, holds: [hold], release: [], limitMs: 5_000 }
}

/** A client of the old protocol. */
export function actAsV1(world: World, host: SimHost, action: 'drain' | 'undrain'): void {
  const { agent } = host
  if (agent === null || host.blockedIn) return
  // What a lost marker held is forgotten once a v1 client has drained the host, and its undrain opens it.
  if (action === 'undrain' && world.lostDisk.has(host.name)) world.wasForced.add(host.name)
  const link = world.network.nextId()
  agent.v1Links.set(link, (_action, ok) => {
    agent.v1Links.delete(link)
    const [first] = host.setup.targets
    if (action === 'drain' && ok && first !== undefined) world.watch.promises.said(host, first.name)
    // Not within the step that answers: its other effects come first.
    world.schedule.after(0, () => agent.dispatch({ type: 'link-closed', link }))
  })
  agent.dispatch({ type: 'greeted-v1', link })
  const nonce = world.random.hex32()
  agent.dispatch({ type: 'commanded-v1', link, action, limitMs: 8_000, nonce, wallMs: host.wallMs() })
}
