import { constants } from 'node:crypto'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { limits } from '../../protocol/limits.ts'
import type { Secrets } from '../keys.ts'

/** The encrypted half of the door: whoever comes through has proved a key or a certificate. */
export interface TlsGate {
  readonly server: Server
  /** Whether what a socket came in with is still good. */
  isGood(socket: TLSSocket): boolean
  /** Takes certificates that were read anew; keys are asked for at each handshake anyway. */
  renew(): void
}

const pskCipher = 'ECDHE-PSK-CHACHA20-POLY1305'
const certificate = 'certificate'

export function createTlsGate(secrets: () => Secrets): TlsGate {
  const proofs = new WeakMap<TLSSocket, string>()
  const { tls } = secrets()
  const pskOptions: TlsOptions = {
    ciphers: pskCipher,
    maxVersion: 'TLSv1.2',
    pskCallback: (socket, identity) => {
      const key = secrets().v2.find(({ id }) => identity.endsWith(`/${id}`))
      if (key === undefined) return null
      proofs.set(socket, key.id)
      return key.tlsKey()
    },
  }
  const options = {
    minVersion: 'TLSv1.2',
    // With a ticket a client resumes without its key being asked for, also with one that has been removed; one that
    // negotiates anew names another key in the midst of a link.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  } as const
  const server = createServer({
    ...(tls === null ? pskOptions : { ...tls, requestCert: true, rejectUnauthorized: true }),
    ...options,
    handshakeTimeout: limits.proofMs,
  })
  server.on('secureConnection', (socket) => {
    if (tls !== null) proofs.set(socket, certificate)
  })
  return {
    server,
    renew() {
      const { tls: next } = secrets()
      if (next !== null && tls !== null) server.setSecureContext({ ...next, ...options })
    },
    isGood(socket) {
      const proof = proofs.get(socket)
      return proof === certificate || secrets().v2.some(({ id }) => id === proof)
    },
  }
}
