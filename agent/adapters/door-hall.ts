import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Log } from '../../daemon/log.ts'
import { codeOf } from '../../daemon/reason.ts'
import type { Key } from '../../protocol/keys.ts'
import { limits } from '../../protocol/limits.ts'
import { subprotocol } from '../../protocol/v2/hello.ts'
import type { AgentEvent } from '../core/event.ts'
import type { Secrets } from '../keys.ts'
import { createHttp, deny, type Pages } from './door-http.ts'
import { createLink, type DoorLink } from './door-link.ts'
import { createStrangers } from './door-strangers.ts'
import { createTlsGate, type TlsGate } from './door-tls.ts'
import { serveV1 } from './door-v1.ts'
import { serveV2 } from './door-v2.ts'

type Untimed<Event> = Event extends AgentEvent ? Omit<Event, 'atMs' | 'nonce' | 'wallMs' | 'limitMs'> : never
type Told = 'greeted' | 'greeted-v1' | 'link-closed' | 'commanded' | 'commanded-v1' | 'status-asked' | 'job-ordered'

/** What peers say, as it reaches the core once somebody has added the time. */
export type DoorEvent =
  | Untimed<Extract<AgentEvent, { type: Told }>>
  | Omit<Extract<AgentEvent, { type: 'pinged' }>, 'atMs'>

export const strangerFailures = ['key', 'late', 'crowded'] as const
/** A wrong key, none within the time, or cut off to make room. */
export type StrangerFailure = (typeof strangerFailures)[number]

export interface HallParts {
  readonly secrets: () => Secrets
  readonly pages: Pages
  readonly told: (event: DoorEvent) => void
  readonly failed: (reason: StrangerFailure) => void
  readonly log: Log
}

const tlsHandshake = 0x16
const socketOptions = { noServer: true, perMessageDeflate: false, clientTracking: false, closeTimeout: 1_000 } as const
const complainEveryMs = 10_000

/** Sorts what comes in: the first byte tells TLS from plain HTTP, the upgrade tells v1 from v2. */
export class Hall {
  readonly links = new Map<string, DoorLink>()
  readonly #parts: HallParts
  readonly #strangers = createStrangers((reason) => this.#parts.failed(reason))
  readonly #tls: TlsGate
  readonly #http: HttpServer
  readonly #v1 = new WebSocketServer({ ...socketOptions, maxPayload: limits.frameBytesBeforeProof })
  readonly #v2 = new WebSocketServer({
    ...socketOptions,
    maxPayload: limits.frameBytes,
    handleProtocols: () => subprotocol,
  })
  /** Sockets in a TLS handshake, by their peer: the handshake makes a socket of its own around each. */
  readonly #shaking = new Map<string, Socket>()
  /** Sockets that have proved a key and have yet to say what for. */
  readonly #asking = new WeakMap<Socket, NodeJS.Timeout>()
  #linkCount = 0
  #complainedAtMs = Number.NEGATIVE_INFINITY
  #kept = 0

  constructor(parts: HallParts) {
    this.#parts = parts
    this.#tls = createTlsGate(parts.secrets)
    this.#http = createHttp(parts.pages)
    this.#tls.server.on('secureConnection', (socket) => {
      const peer = peerOf(socket)
      const below = this.#shaking.get(peer)
      this.#shaking.delete(peer)
      if (below !== undefined) this.#strangers.release(below)
      this.#await(socket)
      this.#http.emit('connection', socket)
    })
    this.#tls.server.on('tlsClientError', (cause, socket) => {
      // A client that left, or was cut off, had no wrong key.
      if (codeOf(cause)?.startsWith('ERR_SSL') === true) this.#failKey(socket.remoteAddress)
    })
    this.#http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#upgrade(request, socket, head)
    })
  }

  get strangers(): number {
    return this.#strangers.count
  }

  /** Closes the links whose key is not good any more. */
  keysChanged(): void {
    this.#tls.renew()
    // They would prove themselves to what was good before.
    for (const socket of this.#shaking.values()) socket.destroy()
    for (const link of this.links.values()) if (!link.isGood()) link.socket.close(1008, 'the key was removed')
  }

  enter(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    this.#strangers.admit(socket)
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.unshift(first)
      // TLS reads what was put back by itself; set flowing here, it would flow past.
      if (first[0] === tlsHandshake) return this.#shake(socket)
      this.#http.emit('connection', socket)
      socket.resume()
    })
  }

  #shake(socket: Socket): void {
    const peer = peerOf(socket)
    this.#shaking.set(peer, socket)
    socket.once('close', () => this.#shaking.delete(peer))
    this.#tls.server.emit('connection', socket)
  }

  #await(socket: Socket): void {
    const late = setTimeout(() => socket.destroy(), limits.proofMs)
    this.#asking.set(socket, late)
    socket.once('close', () => clearTimeout(late))
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const asked = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
    if (asked.includes(subprotocol)) {
      if (socket instanceof TLSSocket && !this.#tls.isGood(socket)) {
        deny(socket, 403, 'the key was removed')
      } else if (socket instanceof TLSSocket) {
        this.#v2.handleUpgrade(request, socket, head, (opened) => this.#greetV2(opened, socket))
      } else deny(socket, 426, `${subprotocol} is spoken over TLS only`)
    } else if (asked.some((each) => each !== '')) {
      deny(socket, 400, `the only subprotocol here is ${subprotocol}`)
    } else if (this.#parts.secrets().v1.length === 0) {
      deny(socket, 403, `protocol v1 is off here (acceptV1); use ${subprotocol} over TLS`)
    } else {
      this.#v1.handleUpgrade(request, socket, head, (opened) => this.#greetV1(opened, socket))
    }
  }

  #greetV2(opened: WebSocket, socket: TLSSocket): void {
    const { told } = this.#parts
    clearTimeout(this.#asking.get(socket))
    const link = this.#open(opened, socket, () => this.#tls.isGood(socket))
    serveV2(link, limits.proofMs, {
      greeted: (hello) => told({ type: 'greeted', link: link.id, hello }),
      commanded: (command) => told({ type: 'commanded', link: link.id, command }),
      pinged: ({ nonce, claim }) => told({ type: 'pinged', link: link.id, nonce, claim }),
      jobOrdered: (command) => told({ type: 'job-ordered', link: link.id, command }),
      statusAsked: () => told({ type: 'status-asked', link: link.id }),
    })
  }

  #greetV1(opened: WebSocket, socket: Socket): void {
    const { told, secrets } = this.#parts
    let proof: Key | null = null
    const link = this.#open(opened, socket, () => proof === null || secrets().v1.some(({ id }) => id === proof?.id))
    serveV1(link, {
      find: (candidate) => secrets().v1.filter((key) => key.matches(candidate))[0] ?? null,
      proved: (key) => {
        proof = key
        this.#strangers.release(socket)
        clearTimeout(this.#asking.get(socket))
        told({ type: 'greeted-v1', link: link.id })
      },
      failed: () => this.#failKey(link.address),
      commanded: (action) => told({ type: 'commanded-v1', link: link.id, action }),
    })
  }

  #open(opened: WebSocket, peer: Socket, isGood: () => boolean): DoorLink {
    this.#linkCount += 1
    const link = createLink(`${this.#linkCount}`, opened, peer, isGood)
    this.links.set(link.id, link)
    opened.once('close', () => {
      this.links.delete(link.id)
      this.#parts.told({ type: 'link-closed', link: link.id })
    })
    return link
  }

  /** Each failure is counted; the log gets one line for many. */
  #failKey(address: string | undefined): void {
    this.#parts.failed('key')
    this.#kept += 1
    const nowMs = performance.now()
    if (nowMs - this.#complainedAtMs < complainEveryMs) return
    const fields = { event: 'auth-failed', address: address ?? 'unknown', failures: this.#kept }
    this.#complainedAtMs = nowMs
    this.#kept = 0
    this.#parts.log.warn(fields, 'a peer has a wrong key')
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
