import type { SimHost } from './host.ts'
import { lie } from './liar.ts'
import { actAsAdmin, actAsLateGate, actAsV1, actDirectly } from './local.ts'
import type { Operators } from './operator.ts'
import { wavePlans } from './plan.ts'
import type { Store } from './store.ts'
import type { World } from './world.ts'

/** Everything that goes wrong, and everybody who acts at the wrong time. */
export class Chaos {
  readonly #world: World
  readonly #acts: readonly (readonly [weight: number, act: () => void])[]
  #copies: Store[] = []

  constructor(world: World, operators: Operators) {
    this.#world = world
    const { hasRivals, losesDisks, hasLiar } = world.plan
    const liar = this.#host()
    // A seed leaves most misfortunes out, so that those it has meet more often.
    const often = (weight: number) => (world.random.chance(0.5) ? weight : 0)
    this.#acts = [
      [30, () => operators.act()],
      [often(12), () => this.#crashAgent()],
      [often(3), () => this.#keepAgent()],
      [often(6), () => this.#host().losePower(false)],
      [often(5), () => this.#host().shutdown(false)],
      [losesDisks ? 5 : 0, () => this.#loseDisk()],
      [often(5), () => this.#fillDisk()],
      [often(8), () => this.#crashFleet()],
      [often(3), () => this.#fillStore()],
      [often(3), () => this.#silence()],
      [often(8), () => this.#split()],
      [often(6), () => this.#cut()],
      [10, () => this.#database()],
      [often(2), () => (world.random.chance(0.5) ? world.io.shutdown() : world.io.losePower())],
      [often(2), () => this.#setClocks()],
      [often(3), () => this.#reconfigure()],
      [often(25), () => actAsAdmin(world, this.#host())],
      [often(4), () => actDirectly(world, this.#host(), 'own')],
      [often(1), () => actDirectly(world, this.#host(), 'any')],
      [often(4), () => actAsLateGate(world, this.#host())],
      [often(4), () => actAsV1(world, this.#host(), world.random.pick(['drain', 'undrain']))],
      [world.v1Hosts.size > 0 ? 4 : 0, () => this.#v1()],
      [hasLiar ? 8 : 0, () => lie(world, liar)],
      [hasRivals ? 4 : 0, () => this.#copies.push(world.store.copy())],
      [hasRivals ? 3 : 0, () => this.#restore()],
      [hasRivals ? 2 : 0, () => this.#twin()],
    ]
  }

  /** Until `endMs`, with pauses of random length. */
  rage(endMs: number): void {
    const { schedule, random, plan } = this.#world
    if (schedule.nowMs >= endMs) return
    const sum = this.#acts.reduce((total, [weight]) => total + weight, 0)
    let at = random.next() * sum
    for (const [weight, act] of this.#acts) {
      at -= weight
      if (at >= 0 || weight === 0) continue
      act()
      break
    }
    // Often two at once: what meets is what hurts.
    const pauseMs = random.chance(0.3) ? random.between(0, 50) : random.between(1, plan.pauseMs * 2)
    schedule.after(pauseMs, () => this.rage(endMs))
  }

  /** Ends every misfortune; what they left behind stays for the daemons to mend. */
  heal(): void {
    const world = this.#world
    world.isHealing = true
    world.store.full = false
    for (const host of world.hosts) {
      Object.assign(host, { blockedIn: false, blockedOut: false, isAgentKept: false })
      Object.assign(host.disk, { full: false, unsynced: false })
      if (host.agent !== null) host.agent.instantsLeft = Number.POSITIVE_INFINITY
      host.startAgent()
    }
    for (const v1 of world.v1Hosts.values()) v1.blocked = false
    world.network.shift()
    for (const process of world.processes) {
      process.instantsLeft = Number.POSITIVE_INFINITY
      process.store.full = false
      process.goOn()
    }
    world.without.clear()
    world.reconfigure()
    world.schedule.every(1_000, () => {
      for (const database of world.io.databases.values()) database.start()
      return true
    })
  }

  #host(): SimHost {
    return this.#world.random.pick(this.#world.hosts)
  }

  #later(minMs: number, maxMs: number, run: () => void): void {
    this.#world.schedule.after(this.#world.random.between(minMs, maxMs), () => {
      if (!this.#world.isHealing) run()
    })
  }

  #crashAgent(): void {
    const { agent } = this.#host()
    if (agent !== null) agent.instantsLeft = this.#world.random.between(1, 20)
  }

  #keepAgent(): void {
    const host = this.#host()
    this.#world.note(host.name, 'agent is stopped by hand')
    host.isAgentKept = true
    host.agentDied(false)
    this.#later(2_000, 30_000, () => {
      host.isAgentKept = false
      host.startAgent()
    })
  }

  #loseDisk(): void {
    const host = this.#host()
    this.#world.lostDisk.add(host.name)
    if (this.#world.random.chance(0.5)) host.losePower(true)
    else host.shutdown(true)
  }

  #fillDisk(): void {
    const { disk, name } = this.#host()
    const how = this.#world.random.pick(['full', 'full', 'unsynced'] as const)
    this.#world.note(name, `its disk is ${how}`)
    disk[how] = true
    this.#later(500, 12_000, () => {
      disk[how] = false
    })
  }

  #crashFleet(): void {
    for (const process of this.#world.random.some(this.#world.processes, 0.6)) {
      process.instantsLeft = this.#world.random.between(1, 25)
    }
  }

  #fillStore(): void {
    const { store } = this.#world
    this.#world.note('primary', 'its disk is full')
    store.full = true
    this.#world.wasStoreFull = true
    this.#later(500, 12_000, () => {
      store.full = false
    })
  }

  #silence(): void {
    const { primary } = this.#world
    if (primary === null) return
    this.#world.note('primary', 'hangs')
    primary.isSilent = true
    this.#later(500, 10_000, () => primary.goOn())
  }

  #split(): void {
    const host = this.#host()
    const how = this.#world.random.pick(['in', 'out', 'both', 'both'])
    this.#world.note(host.name, `is split off: ${how}`)
    host.blockedIn = how !== 'out'
    host.blockedOut = how !== 'in'
    this.#later(200, 20_000, () => {
      Object.assign(host, { blockedIn: false, blockedOut: false })
      this.#world.network.shift()
    })
  }

  #cut(): void {
    const links = [...(this.#host().agent?.links.values() ?? [])]
    if (links.length > 0) this.#world.random.pick(links).break()
  }

  #database(): void {
    const { random, io } = this.#world
    const database = random.pick([...io.databases.values()])
    const roll = random.next()
    if (roll < 0.3) database.start()
    else if (roll < 0.55) database.stop(() => random.chance(0.6) && database.start())
    else if (roll < 0.7) database.crash(random.chance(0.6))
    else database.start()
  }

  #setClocks(): void {
    const jump = this.#world.random.pick([-3_600_000, 3_600_000, -1_000, 86_400_000])
    const which = this.#world.random.pick([this.#world.io, ...this.#world.hosts])
    which.wallSkewMs += jump
  }

  #reconfigure(): void {
    const { random, hosts, without, retagged } = this.#world
    const { name } = random.pick(hosts)
    const roll = random.next()
    if (roll < 0.3) this.#world.waves = random.pick(wavePlans)
    else if (without.has(name)) without.delete(name)
    else if (roll < 0.5 && hosts.length > 1) without.add(name)
    else if (retagged.has(name)) retagged.delete(name)
    else retagged.add(name)
    this.#world.reconfigure()
  }

  #v1(): void {
    for (const v1 of this.#world.v1Hosts.values()) {
      if (this.#world.random.chance(0.5)) v1.reboot()
      else {
        v1.blocked = true
        this.#later(500, 10_000, () => {
          v1.blocked = false
        })
      }
    }
  }

  #restore(): void {
    const world = this.#world
    if (this.#copies.length === 0) return
    world.note('primary', 'its store is restored from an old copy')
    world.hadRival = true
    const copy = world.random.pick(this.#copies).copy()
    const { primary } = world
    world.store = copy
    if (primary !== null) primary.die()
  }

  #twin(): void {
    const world = this.#world
    const twin = [...world.processes].find((process) => process !== world.primary)
    if (twin !== undefined) {
      twin.die()
      return
    }
    if (world.io.power !== 'on') return
    const copy = this.#copies.length > 0 && world.random.chance(0.5) ? world.random.pick(this.#copies) : world.store
    world.startTwin(copy.copy())
  }
}
