import { constants } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Key } from '../../protocol/keys.ts'

export interface PskServer extends AsyncDisposable {
  readonly port: number
  /** Every identity that a client named, in order. */
  readonly identities: readonly string[]
  readonly sessionsReused: () => number
  readonly sockets: ReadonlySet<WebSocket>
}

/** The agent's side of a link, reduced to TLS-PSK and a WebSocket. */
export async function openPskServer(
  keys: readonly Key[],
  onSocket: (socket: WebSocket) => void,
  tls: { readonly cert: Buffer; readonly key: Buffer; readonly ca: Buffer } | null = null,
): Promise<PskServer> {
  const identities: string[] = []
  let reused = 0
  const server = createServer({
    ...(tls === null
      ? {
          ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
          maxVersion: 'TLSv1.2',
          pskCallback: (_socket: TLSSocket, identity: string) => {
            identities.push(identity)
            const key = keys.find((candidate) => identity.endsWith(`/${candidate.id}`))
            return key === undefined ? null : key.tlsKey()
          },
        }
      : { ...tls, requestCert: true, rejectUnauthorized: true }),
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.isSessionReused()) reused += 1
  })
  const doors = new WebSocketServer({ server, perMessageDeflate: false, handleProtocols: () => 'io-guardian.v2' })
  doors.on('connection', onSocket)
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: portOf(server.address()),
    identities,
    sessionsReused: () => reused,
    sockets: doors.clients,
    async [Symbol.asyncDispose]() {
      for (const socket of doors.clients) socket.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function portOf(address: AddressInfo | string | null): number {
  if (typeof address === 'object' && address !== null) return address.port
  throw new Error('not listening on a port')
}
