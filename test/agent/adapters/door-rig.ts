import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import { type Door, openDoor } from '../../../agent/adapters/door.ts'
import type { DoorEvent, StrangerFailure } from '../../../agent/adapters/door-hall.ts'
import type { Secrets } from '../../../agent/keys.ts'
import { type AgentLink, dialAgent } from '../../../daemon/dial.ts'
import { generateKey, Key } from '../../../protocol/keys.ts'
import type { AgentHello } from '../../../protocol/v2/hello.ts'
import { quietLog } from '../quiet-log.ts'

/** A door with a core that greets whoever comes and remembers what it was told. */
export interface DoorRig extends AsyncDisposable {
  readonly door: Door
  readonly port: number
  readonly told: DoorEvent[]
  readonly failures: StrangerFailure[]
  /** Keys in force; put others in its place and call `door.keysChanged()`. */
  secrets: Secrets
}

export const line = generateKey()
export const key = new Key(line)
export const wrongKey = new Key(generateKey())

const hello: AgentHello = {
  type: 'hello',
  version: 2,
  host: 'web1',
  bootId: '0'.repeat(32),
  build: 'test',
  seen: null,
  targets: ['io-databases'],
  clockMs: 1,
}

export async function openRig(secrets: Secrets = { v2: [key], v1: [key], tls: null }): Promise<DoorRig> {
  const told: DoorEvent[] = []
  const failures: StrangerFailure[] = []
  const held = { secrets }
  const door = await openDoor({
    listen: { address: '127.0.0.1', port: 0 },
    secrets: () => held.secrets,
    pages: { metrics: async () => ({ type: 'text/plain', text: 'metrics\n' }), unready: () => ['no bus'] },
    told: (event) => {
      told.push(event)
      if (event.type === 'greeted') door.send(event.link, hello)
      if (event.type === 'pinged') door.send(event.link, { type: 'pong', nonce: event.nonce })
      if (event.type === 'commanded-v1') door.sendV1(event.link, event.action, true, 'done')
    },
    failed: (reason) => failures.push(reason),
    log: quietLog(),
  })
  return {
    door,
    port: door.port,
    told,
    failures,
    get secrets() {
      return held.secrets
    },
    set secrets(next) {
      held.secrets = next
    },
    [Symbol.asyncDispose]: () => door[Symbol.asyncDispose](),
  }
}

/** A WebSocket as a client that follows no rules: it sends what it is given and keeps what comes. */
export interface RawClient {
  readonly socket: WebSocket
  readonly received: readonly string[]
  /** The next text that was not taken yet. */
  next(): Promise<string>
  /** Code and reason, once it is closed. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
}

export async function openV1(port: number): Promise<RawClient> {
  return await opened(new WebSocket(`ws://127.0.0.1:${port}/`))
}

export async function openV2(port: number, withKey: Key = key): Promise<RawClient> {
  return await opened(
    new WebSocket(`wss://127.0.0.1:${port}/`, ['io-guardian.v2'], { createConnection: () => shake(port, withKey) }),
  )
}

/** The client's half of TLS-PSK. */
export function shake(port: number, withKey: Key, more: ConnectionOptions = {}): TLSSocket {
  return connectTls({
    host: '127.0.0.1',
    port,
    ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ psk: withKey.tlsKey(), identity: `web1/${withKey.id}` }),
    checkServerIdentity: () => undefined,
    ...more,
  })
}

export async function openTcp(port: number, from = '127.0.0.1'): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress: from })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return socket.on('error', () => socket.destroy())
}

async function opened(socket: WebSocket): Promise<RawClient> {
  const received: string[] = []
  const waiting: ((text: string) => void)[] = []
  let taken = 0
  socket.on('message', (data) => {
    received.push(String(data))
    waiting.shift()?.(String(data))
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  socket.on('error', () => {})
  return {
    socket,
    received,
    closed,
    next: () => {
      const text = received[taken]
      taken += 1
      return text === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(text)
    },
  }
}

const authority = { kind: 'direct', operator: 'x' } as const

/** A link as guardian's own clients make it. */
export function dial(port: number): Promise<AgentLink> {
  return dialAgent({
    address: '127.0.0.1',
    port,
    host: 'web1',
    keys: [key],
    authority,
    build: 't',
    limitMs: 20_000,
  })
}

/** Round trips of a link, for as long as `work` runs: how many, and the longest. */
export async function pingDuring(
  link: AgentLink,
  work: () => Promise<void>,
): Promise<{ count: number; longestMs: number }> {
  let isOver = false
  let count = 0
  let longestMs = 0
  let answered: () => void = () => {}
  link.listen({
    message: () => answered(),
    closed: (reason) => {
      if (!isOver) throw new Error(`the link was closed: ${reason}`)
    },
  })
  const working = work().finally(() => {
    isOver = true
  })
  while (!isOver) {
    const sentMs = performance.now()
    const answer = new Promise<void>((resolve) => {
      answered = resolve
    })
    link.send({ type: 'ping', nonce: count, claim: null })
    await answer
    longestMs = Math.max(longestMs, performance.now() - sentMs)
    count += 1
    await new Promise((resolve) => setImmediate(resolve))
  }
  await working
  return { count, longestMs }
}
