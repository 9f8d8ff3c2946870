import { createServer, type Server, type Socket } from 'node:net'
import { codeOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { v1Response } from '../../protocol/v1.ts'
import type { AgentMessage } from '../../protocol/v2.ts'
import { Hall, type HallParts } from './door-hall.ts'
import { type DoorLink, lookAfter, sendText } from './door-link.ts'
import { v1Text } from './door-v1.ts'

/** The one port of an agent. */
export interface Door extends AsyncDisposable {
  readonly port: number
  send(link: string, message: AgentMessage): void
  sendV1(link: string, action: 'drain' | 'undrain', isOk: boolean, text: string): void
  /** After what was sent on it before. */
  close(link: string, code: number): void
  /** Bytes that the peer has not taken yet. */
  unsentBytes(link: string): number
  /** Closes the links whose key is not good any more. */
  keysChanged(): void
  readonly strangers: number
}

export interface DoorParts extends HallParts {
  readonly listen: { readonly address: string; readonly port: number }
}

const lookAfterEveryMs = 5_000

/** @throws GuardianError `port-taken` */
export async function openDoor(parts: DoorParts): Promise<Door> {
  const hall = new Hall(parts)
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 15_000 }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    hall.enter(socket)
  })
  const port = await listen(listener, parts.listen)
  listener.on('error', (cause) => parts.log.error({ reason: cause.message }, 'a connection was not accepted'))
  const timer = setInterval(() => hall.links.forEach(lookAfter), lookAfterEveryMs)
  const known = (id: string, work: (link: DoorLink) => void): void => {
    const link = hall.links.get(id)
    if (link !== undefined) work(link)
  }
  return {
    port,
    send: (id, message) => known(id, (link) => sendText(link, JSON.stringify(message))),
    sendV1: (id, action, isOk, text) =>
      known(id, (link) => sendText(link, v1Text(v1Response(action, isOk ? 'ok' : 'error', text)))),
    close: (id, code) => known(id, ({ socket }) => socket.close(code)),
    unsentBytes: (id) => hall.links.get(id)?.socket.bufferedAmount ?? 0,
    keysChanged: () => hall.keysChanged(),
    get strangers() {
      return hall.strangers
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      for (const { socket } of hall.links.values()) socket.close(1001)
      const closed = new Promise((resolve) => listener.close(resolve))
      const late = setTimeout(() => sockets.forEach((socket) => void socket.destroy()), 500)
      await closed
      clearTimeout(late)
    },
  }
}

function listen(listener: Server, { address, port }: DoorParts['listen']): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', (cause) => reject(notListening(address, port, cause)))
    listener.listen({ host: address, port, backlog: 511 }, () => {
      listener.removeAllListeners('error')
      const bound = listener.address()
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port)
    })
  })
}

function notListening(address: string, port: number, cause: Error): GuardianError {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: `is taken: "ss -ltnp sport = :${port}" says by whom; stop that, or set listen.port (--port)`,
    EADDRNOTAVAIL: `cannot be opened: no interface has the address ${address}; set listen.address (--host)`,
    EACCES: `may not be opened by user id ${process.getuid?.()}`,
  }
  const text = why[codeOf(cause) ?? ''] ?? `cannot be opened: ${cause.message}`
  return new GuardianError('port-taken', `port ${port} on ${address} ${text}`, { port, address }, { cause })
}
