import { connect } from 'node:net'
import * as v from 'valibot'
import type { WebSocket } from 'ws'
import { GuardianError } from '../protocol/errors.ts'
import type { Key } from '../protocol/keys.ts'
import { type V1Action, type V1Answer, v1Answer } from '../protocol/v1.ts'
import { authorityOf, type Inbox, inTurn, openInbox, openSocket, sendText } from './dial-socket.ts'
import { reasonOf } from './reason.ts'

export interface V1DialOptions {
  readonly address: string
  readonly port: number
  readonly key: Key
  readonly limitMs: number
  readonly signal?: AbortSignal
}

export interface V1Reply {
  /** The server said so itself, whatever it was. */
  readonly isAnswer: boolean
  readonly ok: boolean
  readonly text: string
}

/** A link of IO Guardian's own protocol. */
export interface V1Link {
  /** Never rejects: at the limit, or when the link ends, the reply is not ok and says why. */
  request(action: V1Action, limitMs: number): Promise<V1Reply>
  readonly closed: Promise<string>
  close(): void
}

/**
 * Opens a v1 link and proves the key on it, which thereby crosses the wire in clear.
 * @throws GuardianError `unreachable` or `unauthorised`
 */
export async function dialV1(options: V1DialOptions): Promise<V1Link> {
  const { address, port, key } = options
  return await inTurn(options.limitMs, options.signal, async (signal) => {
    const socket = await openSocket({
      url: `ws://${authorityOf(address, port)}/`,
      protocols: [],
      connect: () => connect({ host: address, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 15_000 }),
      signal,
    }).catch((cause: unknown) => {
      throw unreachable(options, reasonOf(cause), cause)
    })
    const inbox = openInbox(socket, decodeAnswer)
    sendText(socket, JSON.stringify({ type: 'auth', key: key.line() }))
    try {
      await prove(inbox, options, signal)
      return createLink(socket, inbox)
    } catch (cause) {
      socket.terminate()
      throw cause
    }
  })
}

function decodeAnswer(frame: string): V1Answer {
  try {
    return v.parse(v1Answer, JSON.parse(frame))
  } catch (cause) {
    throw new GuardianError('bad-message', 'sent what is no answer of protocol v1', {}, { cause })
  }
}

function unreachable({ address, port }: V1DialOptions, reason: string, cause?: unknown): GuardianError {
  return new GuardianError('unreachable', `no v1 link to ${authorityOf(address, port)}: ${reason}`, {}, { cause })
}

function prove(inbox: Inbox<V1Answer>, options: V1DialOptions, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (cause: GuardianError | null): void => {
      signal.removeEventListener('abort', abort)
      inbox.listen(null)
      if (cause === null) resolve()
      else reject(cause)
    }
    const abort = (): void => settle(unreachable(options, reasonOf(signal.reason)))
    signal.addEventListener('abort', abort)
    inbox.listen({
      message(answer) {
        if (answer.type === 'auth' && answer.status === 'ok') return settle(null)
        const where = authorityOf(options.address, options.port)
        settle(new GuardianError('unauthorised', `${where} refuses the v1 key: ${answer.message}`))
      },
      closed: (reason) => settle(unreachable(options, reason)),
    })
  })
}

function none(text: string): V1Reply {
  return { isAnswer: false, ok: false, text }
}

function createLink(socket: WebSocket, inbox: Inbox<V1Answer>): V1Link {
  // A v1 server answers in order. One that is overdue keeps its place, so its late answer meets no other request.
  const waiting: ((reply: V1Reply) => void)[] = []
  const closed = new Promise<string>((resolve) => {
    inbox.listen({
      message: (answer) =>
        waiting.shift()?.({
          isAnswer: true,
          ok: 'status' in answer && answer.status === 'ok',
          text: answer.message,
        }),
      closed(reason) {
        for (const reply of waiting.splice(0)) reply(none(reason))
        resolve(reason)
      },
    })
  })
  return {
    request: (action, limitMs) =>
      new Promise((resolve) => {
        if (socket.readyState !== socket.OPEN) return resolve(none('the link is closed'))
        const timer = setTimeout(() => resolve(none(`no answer in ${limitMs} ms`)), limitMs)
        waiting.push((reply) => {
          clearTimeout(timer)
          resolve(reply)
        })
        sendText(socket, JSON.stringify({ type: 'command', action }))
      }),
    closed,
    close: () => socket.close(1000),
  }
}
