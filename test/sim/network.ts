import type { ClientHello } from '../../protocol/v2/hello.ts'
import { type AgentMessage, type ClientMessage, decodeAgentMessage, decodeClientMessage } from '../../protocol/v2.ts'
import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'
import { Violation } from './trace.ts'

/** How bad the network is, from the seed. */
export interface Weather {
  readonly slowMs: number
  readonly spikes: number
  readonly doubled: number
}

/** One direction of a connection: in order, late, held back by a split, lost when it is cut. */
export class Pipe<Item> {
  #lastAtMs = 0
  #held: Item[] = []
  #isCut = false
  readonly #network: Network
  readonly #isBlocked: () => boolean
  readonly #deliver: (item: Item) => void

  constructor(network: Network, isBlocked: () => boolean, deliver: (item: Item) => void) {
    this.#network = network
    this.#isBlocked = isBlocked
    this.#deliver = deliver
  }

  send(item: Item): void {
    if (this.#isCut) return
    const { schedule } = this.#network
    this.#lastAtMs = Math.max(this.#lastAtMs, schedule.nowMs + this.#network.latencyMs())
    schedule.at(this.#lastAtMs, () => this.#arrive(item))
  }

  cut(): void {
    this.#isCut = true
    this.#held = []
    this.#network.held.delete(this)
  }

  /** The split is over: what was held back arrives, still in order. */
  release(): void {
    this.#network.held.delete(this)
    const items = this.#held
    this.#held = []
    for (const item of items) this.#arrive(item)
  }

  #arrive(item: Item): void {
    if (this.#isCut) return
    if (this.#held.length > 0 || this.#isBlocked()) {
      this.#held.push(item)
      this.#network.held.add(this)
      return
    }
    this.#deliver(item)
  }
}

export class Network {
  readonly schedule: Schedule
  readonly random: Random
  readonly weather: Weather
  readonly held = new Set<{ release(): void }>()
  #connections = 0

  constructor(schedule: Schedule, random: Random, weather: Weather) {
    this.schedule = schedule
    this.random = random
    this.weather = weather
  }

  latencyMs(): number {
    const { slowMs, spikes } = this.weather
    return this.random.chance(spikes) ? this.random.between(200, 3_000) : this.random.between(1, slowMs)
  }

  /** Some messages go through the real decoders: what a core says must be what a door lets in. */
  throughDoor<Message>(message: Message, decode: (frame: string) => Message): Message {
    if (!this.random.chance(0.02)) return message
    const frame = JSON.stringify(message)
    try {
      return decode(frame)
    } catch (cause) {
      throw new Violation('protocol', `${String(cause)}: ${frame}`)
    }
  }

  nextId(): string {
    this.#connections += 1
    return `link${this.#connections}`
  }

  /** Splits have changed: everything held back tries again. */
  shift(): void {
    for (const pipe of [...this.held]) pipe.release()
  }
}

/** The far end, as a connection sees it. */
export interface Server {
  readonly isReachable: boolean
  readonly blockedIn: boolean
  readonly blockedOut: boolean
  /** null where nobody listens. */
  accept(connection: Connection): Acceptor | null
}

export interface Acceptor {
  heard(connection: Connection, message: ClientMessage): void
  left(connection: Connection): void
}

export interface Client {
  told(connection: Connection, message: AgentMessage): void
  closed(connection: Connection, reason: string): void
}

const dialLimitMs = 1_500

/** One TCP connection between a client (coordinator, gate, person) and an agent. */
export class Connection {
  readonly id: string
  isOpen = true
  #acceptor: Acceptor | null = null
  readonly #network: Network
  readonly #server: Server
  readonly #client: Client
  readonly #up: Pipe<ClientMessage | 'fin'>
  readonly #down: Pipe<AgentMessage | 'fin'>

  constructor(network: Network, server: Server, client: Client, hello: ClientHello) {
    this.id = network.nextId()
    this.#network = network
    this.#server = server
    this.#client = client
    const heard = (item: ClientMessage | 'fin') =>
      item === 'fin' ? this.#serverLeft() : this.#acceptor?.heard(this, item)
    const told = (item: AgentMessage | 'fin') => (item === 'fin' ? this.#clientLeft('closed') : this.#told(item))
    this.#up = new Pipe(network, () => server.blockedIn, heard)
    this.#down = new Pipe(network, () => server.blockedOut, told)
    network.schedule.after(network.latencyMs(), () => this.#dial(hello))
  }

  /** By the client. */
  send(message: ClientMessage): void {
    if (!this.isOpen) return
    this.#up.send(this.#network.throughDoor(message, decodeClientMessage))
    const { random, schedule, weather } = this.#network
    if (message.type !== 'command' || !random.chance(weather.doubled)) return
    schedule.after(random.between(1, 2_000), () => this.isOpen && this.#up.send(message))
  }

  /** By the client, or by its death: what is on its way still arrives. */
  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#down.cut()
    this.#up.send('fin')
  }

  /** By the agent. */
  answer(message: AgentMessage): void {
    if (this.#acceptor !== null) this.#down.send(this.#network.throughDoor(message, decodeAgentMessage))
  }

  /** By the agent, or by its death. */
  hangUp(): void {
    this.#up.cut()
    this.#acceptor = null
    this.#down.send('fin')
  }

  /** The agent's host is gone without a word: only silence tells. */
  vanish(): void {
    this.#up.cut()
    this.#down.cut()
    this.#acceptor = null
  }

  /** Cut in the middle: what is under way is lost, and the ends notice each in its own time. */
  break(): void {
    const { schedule, random } = this.#network
    this.#up.cut()
    this.#down.cut()
    schedule.after(random.between(1, 3_000), () => this.#serverLeft())
    schedule.after(random.between(1, 3_000), () => this.#clientLeft('reset'))
  }

  #dial(hello: ClientHello): void {
    if (!this.isOpen) return
    const { isReachable, blockedIn, blockedOut } = this.#server
    if (!isReachable || blockedIn || blockedOut) {
      this.#network.schedule.after(dialLimitMs, () => this.#clientLeft('no answer'))
      return
    }
    this.#acceptor = this.#server.accept(this)
    if (this.#acceptor === null) this.#clientLeft('refused')
    else this.#up.send(hello)
  }

  #told(message: AgentMessage): void {
    if (this.isOpen) this.#client.told(this, message)
  }

  #serverLeft(): void {
    const acceptor = this.#acceptor
    this.#acceptor = null
    acceptor?.left(this)
  }

  #clientLeft(reason: string): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#up.cut()
    this.#client.closed(this, reason)
  }
}
