import type { FleetProcess } from './fleet-process.ts'
import type { World } from './world.ts'

/** A server that still runs IO Guardian: does as it is told, knows no holds, and forgets at a reboot. */
export class V1Host {
  readonly name: string
  isDrained = false
  isUp = true
  blocked = false
  /** Raised at each reboot. */
  life = 0
  readonly #world: World
  #orders: { readonly action: 'drain' | 'undrain'; readonly run: () => void }[] = []

  constructor(world: World, name: string) {
    this.#world = world
    this.name = name
  }

  /** Told to open, and it has not yet. */
  get isToOpen(): boolean {
    return this.#orders.some(({ action }) => action === 'undrain')
  }

  /** One order after the other, whoever sent it; what a split holds back comes later, still in order. */
  work(action: 'drain' | 'undrain', run: () => void): void {
    this.#orders.push({ action, run })
    if (this.#orders.length === 1) this.#next()
  }

  #next(): void {
    const { life } = this
    this.#world.schedule.after(this.#world.random.between(5, 1_500), () => {
      if (this.life !== life) return
      if (!this.blocked) this.#orders.shift()?.run()
      if (this.#orders.length > 0) this.#next()
    })
  }

  reboot(): void {
    if (!this.isUp) return
    this.#world.note(this.name, 'reboots')
    this.isUp = false
    this.life += 1
    this.#orders = []
    this.isDrained = false
    this.#world.schedule.after(this.#world.random.between(500, 5_000), () => {
      this.isUp = true
    })
  }
}

/** The coordinator's link to a v1 server. The server blocks while it works, so orders run one after the other. */
export class V1Link {
  readonly #world: World
  readonly #process: FleetProcess
  readonly #host: V1Host
  #link: string | null = null
  #life = 0
  #isStopped = false

  constructor(world: World, process: FleetProcess, host: V1Host) {
    this.#world = world
    this.#process = process
    this.#host = host
    world.schedule.after(world.random.between(1, 500), () => this.#dial())
    world.schedule.every(world.plan.heartbeatMs, () => this.#check())
  }

  send(link: string, action: 'drain' | 'undrain'): void {
    if (link !== this.#link) return
    this.#host.work(action, () => {
      const ok = !this.#world.random.chance(0.05 * this.#world.plan.rough)
      if (ok) this.#host.isDrained = action === 'drain'
      this.#world.note(this.#host.name, `v1 ${action} ${ok ? 'ok' : 'error'}`)
      if (link !== this.#link) return
      this.#process.dispatch({ type: 'told-v1', host: this.#host.name, link, action, ok, text: '' })
    })
  }

  close(link: string, reason: string): void {
    if (link === this.#link) this.#ended(reason)
  }

  stop(): void {
    this.#isStopped = true
    this.#link = null
  }

  #dial(): void {
    if (this.#isStopped || this.#link !== null) return
    if (!this.#host.isUp || this.#host.blocked) {
      this.#process.dispatch({ type: 'link-down', host: this.#host.name, link: null, reason: 'no answer' })
      this.#again()
      return
    }
    this.#link = this.#world.network.nextId()
    this.#life = this.#host.life
    this.#process.dispatch({ type: 'link-up-v1', host: this.#host.name, link: this.#link })
  }

  #check(): boolean {
    if (this.#link !== null && (this.#host.blocked || this.#host.life !== this.#life)) this.#ended('silent')
    return !this.#isStopped
  }

  #ended(reason: string): void {
    const link = this.#link
    this.#link = null
    this.#again()
    this.#process.dispatch({ type: 'link-down', host: this.#host.name, link, reason })
  }

  #again(): void {
    this.#world.schedule.after(this.#world.random.between(300, 3_000), () => this.#dial())
  }
}
