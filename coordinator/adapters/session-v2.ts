import type { AgentLink } from '../../daemon/dial.ts'
import type { Claim } from '../../protocol/authority.ts'
import type { AgentMessage, ClientMessage } from '../../protocol/v2.ts'
import { Allowance } from './allowance.ts'
import type { LinkEvent, Session, SessionListener } from './session.ts'

export interface SessionParts {
  readonly host: string
  readonly link: string
}

/** What all sessions share. */
export interface SessionTools {
  readonly claim: () => Claim
  readonly emit: (event: LinkEvent) => void
}

interface Ping {
  readonly nonce: number
  readonly sentMs: number
  readonly resolve: (ms: number | null) => void
}

// An agent that never answers a ping, but is alive by what it says, is pinged for ever.
const pingsMax = 64

// A class, because an object literal with getters costs each of thousands of links a hidden shape of its own.
export class SessionV2 implements Session {
  readonly link: string
  readonly keyId: string | null
  readonly isBusy = false
  readonly #host: string
  readonly #agent: AgentLink
  readonly #tools: SessionTools
  #listener: SessionListener | null = null
  #pings: readonly Ping[] = []
  #nonce = 0
  readonly #allowance = new Allowance()
  #isOver = false

  constructor(agent: AgentLink, { host, link }: SessionParts, tools: SessionTools) {
    this.#agent = agent
    this.#host = host
    this.link = link
    this.keyId = agent.keyId
    this.#tools = tools
  }

  announce(): void {
    this.#tools.emit({ type: 'link-up', host: this.#host, link: this.link, hello: this.#agent.hello })
  }

  listen(listener: SessionListener): void {
    this.#listener = listener
    this.#agent.listen(this)
  }

  message(message: AgentMessage): void {
    if (this.#isOver) return
    if (!this.#allowance.take()) {
      this.#agent.close()
      this.closed('sent more than an agent has to say')
      return
    }
    if (message.type !== 'pong') {
      this.#tools.emit({ type: 'told', host: this.#host, link: this.link, message })
      return
    }
    this.#listener?.heard()
    this.#answered(message.nonce)
  }

  closed(reason: string): void {
    this.#isOver = true
    for (const { resolve } of this.#pings) resolve(null)
    this.#pings = []
    this.#listener?.closed(this, reason)
  }

  ping(): Promise<number | null> {
    this.#nonce += 1
    const nonce = this.#nonce
    this.#agent.send({ type: 'ping', nonce, claim: this.#tools.claim() })
    return new Promise((resolve) => {
      const pings = [...this.#pings, { nonce, sentMs: performance.now(), resolve }]
      if (pings.length > pingsMax) pings.shift()?.resolve(null)
      this.#pings = pings
    })
  }

  send(message: ClientMessage): void {
    this.#agent.send(message)
  }

  sendV1(): void {}

  close(): void {
    this.#agent.close()
  }

  #answered(nonce: number): void {
    const ping = this.#pings.find((each) => each.nonce === nonce)
    if (ping === undefined) return
    this.#pings = this.#pings.filter((each) => each !== ping)
    const ms = Math.round((performance.now() - ping.sentMs) * 100) / 100
    this.#tools.emit({ type: 'round-trip', host: this.#host, link: this.link, ms })
    ping.resolve(ms)
  }
}
