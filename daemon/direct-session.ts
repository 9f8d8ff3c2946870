import type { Authority } from '../protocol/authority.ts'
import { formatDuration } from '../protocol/duration.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { Key } from '../protocol/keys.ts'
import type { Response } from '../protocol/v2/command.ts'
import type { AgentHello } from '../protocol/v2/hello.ts'
import type { Report } from '../protocol/v2/report.ts'
import type { AgentMessage, ClientMessage, Command } from '../protocol/v2.ts'
import { monotonicMs, randomId } from './clock.ts'
import { type AgentLink, dialAgent } from './dial.ts'
import type { TlsFiles } from './dial-tls.ts'

/** A host that is ordered without a coordinator. */
export interface DirectHost {
  readonly host: string
  readonly address: string
  readonly port: number
  readonly protocol: 'v1' | 'v2'
  readonly keys: readonly Key[]
  readonly tls?: TlsFiles
}

/** In whose name, and until when. */
export interface DirectMandate {
  readonly authority: Authority
  readonly build: string
  /** Monotonic clock. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

/** A command without what the session fills in. */
export type DirectCommand = Command extends infer One
  ? One extends Command
    ? Omit<One, 'type' | 'id' | 'authority' | 'limitMs'>
    : never
  : never

/** One link to one agent. Every wait ends at the mandate's deadline at the latest. */
export interface DirectSession extends Disposable {
  readonly hello: AgentHello
  command(order: DirectCommand, moved: (units: readonly string[]) => void): Promise<Response>
  report(): Promise<Report>
  /** Milliseconds of one round trip. */
  ping(): Promise<number>
}

const dialLimitMs = 5_000
/** An agent answers at its own deadline, so its word is waited for a little longer than that. */
const answerMarginMs = 1_000

/** @throws GuardianError `unreachable`, `unauthorised`, or what the agent refuses the peer with */
export async function openSession(host: DirectHost, mandate: DirectMandate): Promise<DirectSession> {
  const { authority, build, signal } = mandate
  const { address, port, keys, tls } = host
  const limitMs = Math.max(1, Math.min(dialLimitMs, mandate.deadlineMs - monotonicMs()))
  const options = { address, port, host: host.host, keys, authority, build, limitMs }
  const link = await dialAgent({ ...options, ...(tls && { tls }), ...(signal && { signal }) })
  return sessionOver(link, mandate)
}

interface Waiting {
  take(message: AgentMessage): void
  fail(cause: GuardianError): void
}

function sessionOver(link: AgentLink, mandate: DirectMandate): DirectSession {
  const waiting = new Set<Waiting>()
  let lost: GuardianError | null = null
  function fail(cause: GuardianError): void {
    lost ??= cause
    for (const one of [...waiting]) one.fail(cause)
  }
  link.listen({
    message(message) {
      if (message.type === 'error') fail(new GuardianError(message.code, message.message))
      else for (const one of [...waiting]) one.take(message)
    },
    closed: (reason) => fail(new GuardianError('unreachable', `the link was lost: ${reason}`)),
  })
  /** Sends, and waits until `pick` makes an answer of a message. */
  function ask<T>(message: ClientMessage, limitMs: number, pick: (message: AgentMessage) => T | null): Promise<T> {
    return new Promise((resolve, reject) => {
      if (lost !== null) return reject(lost)
      const one: Waiting = {
        take(answer) {
          const picked = pick(answer)
          if (picked !== null) end(() => resolve(picked))
        },
        fail: (cause) => end(() => reject(cause)),
      }
      const timer = setTimeout(() => {
        one.fail(new GuardianError('deadline', `no answer within ${formatDuration(limitMs)}`))
      }, limitMs)
      function end(settle: () => void): void {
        clearTimeout(timer)
        waiting.delete(one)
        settle()
      }
      waiting.add(one)
      link.send(message)
    })
  }
  const leftMs = (): number => Math.max(0, mandate.deadlineMs - monotonicMs())
  const abort = (): void => fail(new GuardianError(leftMs() === 0 ? 'deadline' : 'unreachable', 'given up'))
  mandate.signal?.addEventListener('abort', abort)
  return {
    hello: link.hello,
    command(order, moved) {
      const head = { type: 'command', id: randomId(), authority: mandate.authority, limitMs: leftMs() } as const
      return ask({ ...head, ...order }, head.limitMs + answerMarginMs, (message) => {
        if (message.type === 'progress' && message.id === head.id) moved(message.units)
        return message.type === 'response' && message.id === head.id ? message : null
      })
    },
    report: () => ask({ type: 'status' }, leftMs(), (message) => (message.type === 'report' ? message : null)),
    ping() {
      const sentMs = performance.now()
      return ask({ type: 'ping', nonce: 1, claim: null }, leftMs(), (message) =>
        message.type === 'pong' ? performance.now() - sentMs : null,
      )
    },
    [Symbol.dispose]() {
      mandate.signal?.removeEventListener('abort', abort)
      link.close()
    },
  }
}
