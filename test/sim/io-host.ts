import { Database } from './database.ts'
import type { World } from './world.ts'

/** The host of the databases, of their gates and of the coordinator. */
export class IoHost {
  bootId: string
  power: 'on' | 'stopping' | 'off' = 'on'
  /** Raised at each loss of power. */
  life = 0
  wallSkewMs = 0
  readonly databases = new Map<string, Database>()
  readonly #world: World
  #zeroMs = -1_000

  constructor(world: World) {
    this.#world = world
    this.bootId = world.random.hex32()
    for (const name of world.plan.resources) {
      this.databases.set(name, new Database(world, name, world.plan.gated.includes(name)))
    }
  }

  clockMs(): number {
    return this.#world.schedule.nowMs - this.#zeroMs
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#world.schedule.nowMs + this.wallSkewMs
  }

  /** Orderly: every gate goes down and its database after it, then the daemon, then the host. */
  shutdown(): void {
    if (this.power !== 'on') return
    this.#world.note('io', 'shuts down')
    this.power = 'stopping'
    const { life } = this
    const waiting = new Set(this.databases.keys())
    for (const [name, database] of this.databases) {
      database.stop(() => {
        waiting.delete(name)
        if (waiting.size === 0 && this.life === life) this.losePower()
      })
    }
  }

  losePower(): void {
    if (this.power === 'off') return
    this.#world.note('io', 'is off')
    this.power = 'off'
    this.life += 1
    // The gates' files are in /run.
    this.#world.gateFiles.clear()
    this.#world.gateHolds.length = 0
    for (const process of [...this.#world.processes]) process.die()
    for (const database of this.databases.values()) database.losePower()
    this.#world.schedule.after(this.#world.random.between(500, 8_000), () => this.#boot())
  }

  #boot(): void {
    this.#world.note('io', 'boots')
    this.power = 'on'
    this.bootId = this.#world.random.hex32()
    this.#zeroMs = this.#world.schedule.nowMs - this.#world.random.between(1, 5_000)
    for (const database of this.databases.values()) database.start()
    const { life } = this
    this.#world.schedule.after(this.#world.random.between(100, 5_000), () => {
      if (this.life === life) this.#world.startPrimary()
    })
  }
}
