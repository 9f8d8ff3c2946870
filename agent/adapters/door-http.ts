import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { reasonOf } from '../../daemon/reason.ts'
import { limits } from '../../protocol/limits.ts'

/** What the few pages of an agent show. */
export interface Pages {
  metrics(): Promise<{ readonly type: string; readonly text: string }>
  /** Why the agent is not ready, one line each; empty where it is. */
  unready(): readonly string[]
}

const plain = 'text/plain; charset=utf-8'

/** Serves whatever connections it is given; it listens nowhere itself. */
export function createHttp(pages: Pages): Server {
  const server = createServer({ maxHeaderSize: limits.frameBytesBeforeProof }, (request, response) => {
    answer(pages, request, response).catch((cause: unknown) => {
      if (!response.headersSent) reply(response, 500, `internal error: ${reasonOf(cause)}\n`)
      else response.destroy()
    })
  })
  server.on('clientError', (_cause, socket) => socket.destroy())
  return server
}

async function answer(pages: Pages, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path] = (request.url ?? '').split('?')
  const isKnown = path === '/metrics' || path === '/healthz' || path === '/readyz'
  if (!isKnown) return reply(response, 404, 'there is /metrics, /healthz and /readyz\n')
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return reply(response, 405, 'GET only\n', { Allow: 'GET, HEAD' })
  if (path === '/healthz') return reply(response, 200, 'ok\n')
  if (path === '/metrics') {
    const { type, text } = await pages.metrics()
    return reply(response, 200, text, { 'Content-Type': type })
  }
  const unready = pages.unready()
  if (unready.length === 0) return reply(response, 200, 'ready\n')
  reply(response, 503, unready.map((line) => `${line}\n`).join(''))
}

function reply(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'Content-Type': plain,
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
    ...headers,
  })
  response.end(text)
}

/** Answers a request to speak another protocol that is not granted. */
export function deny(socket: Duplex, status: 400 | 403 | 426, text: string): void {
  socket.on('error', () => socket.destroy())
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      ...(status === 426 ? ['Upgrade: TLS/1.2, websocket'] : []),
      `Content-Type: ${plain}`,
      `Content-Length: ${Buffer.byteLength(text) + 1}`,
      '',
      `${text}\n`,
    ].join('\r\n'),
  )
}
