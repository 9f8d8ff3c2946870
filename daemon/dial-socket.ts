import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { GuardianError } from '../protocol/errors.ts'
import { limits } from '../protocol/limits.ts'
import { reasonOf } from './reason.ts'
import { createTurnstile } from './turnstile.ts'

const earlyMax = 64
const unsentBytesMax = 1024 * 1024

const socketOptions = {
  perMessageDeflate: false,
  maxPayload: limits.frameBytes,
  // A peer that answers no close frame is cut off.
  closeTimeout: 1_000,
} as const

export interface SocketParts {
  readonly url: string
  readonly protocols: readonly string[]
  readonly connect: () => Socket
  readonly signal: AbortSignal
}

/** @throws whatever the connection or the upgrade failed with */
export function openSocket({ url, protocols, connect, signal }: SocketParts): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [...protocols], { ...socketOptions, createConnection: connect })
    const settle = (): void => {
      signal.removeEventListener('abort', abort)
      socket.off('open', opened).off('error', failed)
    }
    const opened = (): void => {
      settle()
      resolve(socket)
    }
    const failed = (cause: unknown): void => {
      settle()
      // A socket that is torn down says so once more, to nobody.
      socket.on('error', () => {})
      reject(cause)
    }
    const abort = (): void => {
      failed(signal.reason)
      socket.terminate()
    }
    socket.on('open', opened).on('error', failed)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort)
  })
}

export interface Listener<Message> {
  message(message: Message): void
  /** Exactly once, whoever closed. */
  closed(reason: string): void
}

/** What comes in on one socket, decoded; kept until somebody listens. */
export interface Inbox<Message> {
  listen(listener: Listener<Message> | null): void
}

/** A frame that `decode` throws on ends the connection. */
export function openInbox<Message>(socket: WebSocket, decode: (frame: string) => Message): Inbox<Message> {
  let listener: Listener<Message> | null = null
  let early: Message[] = []
  let problem = ''
  let end: string | null = null

  function refuse(text: string): void {
    problem ||= text
    socket.terminate()
  }

  socket.on('message', (data, isBinary) => {
    if (problem !== '') return
    try {
      const message = decode(isBinary ? '' : String(data))
      if (listener !== null) listener.message(message)
      else if (early.length < earlyMax) early.push(message)
      else refuse('sent too much too early')
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      refuse(cause.message)
    }
  })
  socket.on('error', (cause) => {
    problem ||= reasonOf(cause)
  })
  socket.on('close', (code, reason) => {
    end = problem || closeText(code, String(reason))
    listener?.closed(end)
  })
  return {
    listen(next) {
      listener = next
      const waiting = next === null ? [] : early
      early = next === null ? early : []
      for (const message of waiting) next?.message(message)
      if (end !== null) next?.closed(end)
    },
  }
}

function closeText(code: number, reason: string): string {
  if (code === 1000 || code === 1001 || code === 1005) return reason || 'closed'
  if (code === 1006) return 'connection lost'
  return reason === '' ? `closed with code ${code}` : reason
}

/** Sends where the socket is open; a peer that does not read is cut off rather than queued for. */
export function sendText(socket: WebSocket, text: string): void {
  if (socket.readyState !== WebSocket.OPEN) return
  if (socket.bufferedAmount > unsentBytesMax) socket.terminate()
  else socket.send(text)
}

/** The address as it stands in a URL. */
export function authorityOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

// A thousand handshakes at once leave twice the memory behind that the same thousand take when a few go at a time.
const handshakes = createTurnstile(32, 250)

/**
 * Runs `work` once its turn has come, with a signal that aborts at the limit, counted from then, or with the caller's
 * own signal. `leave` ends the turn before `work` ends.
 */
export async function inTurn<Result>(
  limitMs: number,
  caller: AbortSignal | undefined,
  work: (signal: AbortSignal, leave: () => void) => Promise<Result>,
): Promise<Result> {
  const leave = await handshakes.enter(caller).catch((cause: unknown) => {
    throw new GuardianError('unreachable', 'given up', {}, { cause })
  })
  const controller = new AbortController()
  const stop = (): void => controller.abort(new Error('given up'))
  const timer = setTimeout(() => controller.abort(new Error(`no answer in ${limitMs} ms`)), limitMs)
  if (caller?.aborted === true) stop()
  caller?.addEventListener('abort', stop)
  try {
    return await work(controller.signal, leave)
  } finally {
    leave()
    clearTimeout(timer)
    caller?.removeEventListener('abort', stop)
  }
}
