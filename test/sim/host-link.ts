import type { AgentMessage, ClientMessage } from '../../protocol/v2.ts'
import type { FleetProcess } from './fleet-process.ts'
import type { SimHost } from './host.ts'
import { type Client, Connection } from './network.ts'
import type { World } from './world.ts'

const backoffMaxMs = 4_000

/** The coordinator's link to one agent, dialled again whenever it ends; silence past a limit ends it. */
export class HostLink implements Client {
  readonly #world: World
  readonly #process: FleetProcess
  readonly #name: string
  #connection: Connection | null = null
  #isUp = false
  #attempt = 0
  #heardAtMs = 0
  #isStopped = false

  constructor(world: World, process: FleetProcess, name: string) {
    this.#world = world
    this.#process = process
    this.#name = name
    world.schedule.after(world.random.between(1, 50), () => this.#dial())
  }

  send(link: string, message: ClientMessage): void {
    if (this.#isUp && this.#connection?.id === link) this.#connection.send(message)
  }

  close(link: string, reason: string): void {
    if (this.#connection?.id === link) this.#ended(reason)
  }

  stop(): void {
    this.#isStopped = true
    this.#connection?.close()
    this.#connection = null
  }

  told(connection: Connection, message: AgentMessage): void {
    if (connection !== this.#connection) return
    this.#heardAtMs = this.#world.schedule.nowMs
    const host = this.#name
    const link = connection.id
    if (message.type === 'hello') {
      this.#isUp = true
      this.#attempt = 0
      this.#process.dispatch({ type: 'link-up', host, link, hello: message })
      this.#beat(connection)
      return
    }
    if (message.type === 'pong') this.#process.dispatch({ type: 'round-trip', host, link, ms: 1 })
    else this.#process.dispatch({ type: 'told', host, link, message })
  }

  closed(connection: Connection, reason: string): void {
    if (connection === this.#connection) this.#ended(reason)
  }

  #dial(): void {
    if (this.#isStopped || this.#connection !== null) return
    const host = this.#host()
    if (host === null) return
    const { claim } = this.#process.state
    const authority = { kind: 'coordinator' as const, claim }
    const hello = { type: 'hello' as const, oldest: 2, newest: 2, authority, build: 'sim' }
    this.#connection = new Connection(this.#world.network, host, this, hello)
    const { id } = this.#connection
    this.#world.schedule.after(3_000, () => {
      if (!this.#isUp && this.#connection?.id === id) this.#ended('no hello')
    })
  }

  #host(): SimHost | null {
    return this.#world.hosts.find((host) => host.name === this.#name) ?? null
  }

  #beat(connection: Connection): void {
    const { heartbeatMs, lostMs } = this.#world.plan
    this.#world.schedule.every(heartbeatMs, () => {
      if (this.#isStopped || connection !== this.#connection) return false
      if (this.#world.schedule.nowMs - this.#heardAtMs >= lostMs) {
        this.#ended('silent')
        return false
      }
      if (!this.#process.isSilent) connection.send({ type: 'ping', nonce: 1, claim: this.#process.state.claim })
      return true
    })
  }

  #ended(reason: string): void {
    const connection = this.#connection
    if (connection === null) return
    const wasUp = this.#isUp
    this.#connection = null
    this.#isUp = false
    connection.close()
    this.#attempt += 1
    const pauseMs = Math.min(backoffMaxMs, 200 * 2 ** Math.min(this.#attempt, 5))
    this.#world.schedule.after(this.#world.random.between(pauseMs / 2, pauseMs), () => this.#dial())
    const link = wasUp ? connection.id : null
    this.#process.dispatch({ type: 'link-down', host: this.#name, link, reason })
  }
}
