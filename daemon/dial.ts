import type { TLSSocket } from 'node:tls'
import type { WebSocket } from 'ws'
import type { Authority } from '../protocol/authority.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { Key } from '../protocol/keys.ts'
import { type AgentHello, subprotocol, versions } from '../protocol/v2/hello.ts'
import type { Refusal } from '../protocol/v2/ping.ts'
import { type AgentMessage, type ClientMessage, decodeAgentMessage } from '../protocol/v2.ts'
import { authorityOf, type Inbox, inTurn, type Listener, openInbox, openSocket, sendText } from './dial-socket.ts'
import { connectFiles, connectPsk, readHangUp, readTlsFailure, type TlsFiles } from './dial-tls.ts'
import { reasonOf } from './reason.ts'

export { dialV1, type V1Link } from './dial-v1.ts'

export interface DialOptions {
  readonly address: string
  readonly port: number
  /** The agent's host name, the first half of the identity. */
  readonly host: string
  /** Tried in order until one is accepted. */
  readonly keys: readonly Key[]
  readonly tls?: TlsFiles
  readonly authority: Authority
  readonly build: string
  /** For all of it, connection to hello, once its turn has come. */
  readonly limitMs: number
  readonly signal?: AbortSignal
}

export interface AgentLink {
  readonly hello: AgentHello
  /** The key that proved it; null where certificates did. */
  readonly keyId: string | null
  send(message: ClientMessage): void
  /** What arrived before is told at once. */
  listen(listener: Listener<AgentMessage>): void
  close(): void
  readonly bufferedBytes: number
}

/**
 * Opens a link of protocol v2 to one agent, both hellos said.
 * @throws GuardianError `unreachable`, `unauthorised`, or what the agent refused with; `superseded` and `stale` carry
 * the claim that outranks ours as fields `epoch`, `instance` and `revision`
 */
export async function dialAgent(options: DialOptions): Promise<AgentLink> {
  return await inTurn(options.limitMs, options.signal, (signal, leave) => openLink(options, signal, leave))
}

async function openLink(options: DialOptions, signal: AbortSignal, leave: () => void): Promise<AgentLink> {
  const { socket, keyId } = await openAny(options, signal)
  leave()
  const inbox = openInbox(socket, decodeAgentMessage)
  const { authority, build } = options
  sendText(socket, JSON.stringify({ type: 'hello', ...versions, authority, build } satisfies ClientMessage))
  try {
    return createLink(socket, inbox, { hello: await helloOf(inbox, options, signal), keyId })
  } catch (cause) {
    socket.terminate()
    throw cause
  }
}

interface Proved {
  readonly socket: WebSocket
  readonly keyId: string | null
}

async function openAny(options: DialOptions, signal: AbortSignal): Promise<Proved> {
  const { tls } = options
  if (tls !== undefined) return { socket: await open(options, () => connectFiles(options, tls), signal), keyId: null }
  for (const [at, key] of options.keys.entries()) {
    try {
      return { socket: await open(options, () => connectPsk(options, key), signal), keyId: key.id }
    } catch (cause) {
      const isLast = at === options.keys.length - 1
      if (isLast || !(cause instanceof GuardianError) || cause.code !== 'unauthorised') throw cause
    }
  }
  throw new GuardianError('unauthorised', `${options.host}: there is no key for it`, { host: options.host })
}

async function open(options: DialOptions, connect: () => TLSSocket, signal: AbortSignal): Promise<WebSocket> {
  const { host, address, port } = options
  let isSecure = false
  try {
    return await openSocket({
      url: `wss://${authorityOf(address, port)}/`,
      protocols: [subprotocol],
      connect: () =>
        connect().once('secureConnect', () => {
          isSecure = true
        }),
      signal,
    })
  } catch (cause) {
    // An agent that refuses a certificate hangs up without a word, after the handshake has ended for us.
    const failure = readTlsFailure(cause) ?? (options.tls !== undefined && isSecure ? readHangUp(cause) : null)
    if (failure === null) throw unreachable(options, reasonOf(cause), cause)
    if (failure.is === 'not-tls') throw unreachable(options, failure.text, cause)
    throw new GuardianError('unauthorised', `${host}: ${failure.text}`, { host }, { cause })
  }
}

function unreachable({ host, address, port }: DialOptions, reason: string, cause?: unknown): GuardianError {
  const text = `${host}: no link to ${authorityOf(address, port)}: ${reason}`
  return new GuardianError('unreachable', text, { host }, { cause })
}

function helloOf(inbox: Inbox<AgentMessage>, options: DialOptions, signal: AbortSignal): Promise<AgentHello> {
  return new Promise((resolve, reject) => {
    const fail = (cause: GuardianError): void => {
      signal.removeEventListener('abort', abort)
      inbox.listen(null)
      reject(cause)
    }
    const abort = (): void => fail(unreachable(options, reasonOf(signal.reason)))
    signal.addEventListener('abort', abort)
    inbox.listen({
      message(message) {
        if (message.type === 'error') return fail(refused(options.host, message))
        if (message.type !== 'hello') return fail(unreachable(options, `${message.type} came before its hello`))
        signal.removeEventListener('abort', abort)
        inbox.listen(null)
        resolve(message)
      },
      closed: (reason) => fail(unreachable(options, reason)),
    })
  })
}

function refused(host: string, { code, message, seen }: Refusal): GuardianError {
  return new GuardianError(code, `${host}: ${message}`, { host, ...seen })
}

function createLink(
  socket: WebSocket,
  inbox: Inbox<AgentMessage>,
  { hello, keyId }: Pick<AgentLink, 'hello' | 'keyId'>,
): AgentLink {
  return {
    hello,
    keyId,
    send: (message) => sendText(socket, JSON.stringify(message)),
    listen: (listener) => inbox.listen(listener),
    close: () => socket.close(1000),
    get bufferedBytes() {
      return socket.bufferedAmount
    },
  }
}
