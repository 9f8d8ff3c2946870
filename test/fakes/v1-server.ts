import { createServer } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import { v1Text } from '../../agent/adapters/door-v1.ts'
import {
  readV1,
  type V1Action,
  type V1Answer,
  v1AuthInvalid,
  v1AuthOk,
  v1NotAuthenticated,
  v1Response,
} from '../../protocol/v1.ts'

export interface V1ServersOptions {
  /** The one line that is accepted. */
  readonly key: string
  /** `0.0.0.0` stands for thousands of servers: each address of 127.0.0.0/8 is one. */
  readonly address?: string
  readonly port?: number
  /** What a command comes to; `host` is the address that was dialled. Done at once where it is left out. */
  readonly carryOut?: (host: string, action: V1Action) => Promise<V1Outcome> | V1Outcome
}

export interface V1Outcome {
  readonly ok: boolean
  readonly text: string
}

/** Servers as IO Guardian's, without systemd behind them. */
export interface V1Servers extends AsyncDisposable {
  readonly port: number
  /** Every command that was carried out, in order. */
  readonly carriedOut: readonly { readonly host: string; readonly action: V1Action }[]
  /** Ends every connection as a crash would. */
  cut(): void
}

export async function openV1Servers(options: V1ServersOptions): Promise<V1Servers> {
  const carriedOut: { host: string; action: V1Action }[] = []
  const server = createServer()
  const sessions = new WebSocketServer({ server, perMessageDeflate: false })
  sessions.on('connection', (socket, request) => {
    serve(socket, request.socket.localAddress ?? '', options, (host, action) => carriedOut.push({ host, action }))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.address ?? '127.0.0.1', port: options.port ?? 0, backlog: 4_096 }, resolve)
  })
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    carriedOut,
    cut: () => sessions.clients.forEach((socket) => void socket.terminate()),
    async [Symbol.asyncDispose]() {
      for (const socket of sessions.clients) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function serve(
  socket: WebSocket,
  host: string,
  { key, carryOut }: V1ServersOptions,
  note: (host: string, action: V1Action) => void,
): void {
  let isProved = false
  const say = (answer: V1Answer) => socket.send(v1Text(answer))
  const refuse = (answer: V1Answer, reason: string) => {
    say(answer)
    socket.close(1008, reason)
  }
  socket.on('error', () => socket.terminate())
  socket.on('message', async (data) => {
    const reading = readV1(String(data))
    if (reading.is === 'auth') {
      isProved = reading.key === key
      return isProved ? say(v1AuthOk) : refuse(v1AuthInvalid, 'Authentication failed')
    }
    if (reading.is === 'refused' && reading.answer.message === 'Invalid JSON') return say(reading.answer)
    if (!isProved) return refuse(v1NotAuthenticated, 'Not authenticated')
    if (reading.is === 'refused') return say(reading.answer)
    if (reading.action === 'ping') return say(v1Response('ping', 'ok', 'pong'))
    note(host, reading.action)
    const { ok, text } = (await carryOut?.(host, reading.action)) ?? { ok: true, text: 'reached its state' }
    if (socket.readyState === socket.OPEN) say(v1Response(reading.action, ok ? 'ok' : 'error', text))
  })
}
