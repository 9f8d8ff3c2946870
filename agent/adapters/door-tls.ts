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

export function createTlsGate(secrets: () => Secrets): TlsGate {
  /** Whether what a socket has proved is still good. */
  const proofs = new WeakMap<TLSSocket, () => boolean>()
  const { tls } = secrets()
  const pskOptions: TlsOptions = {
    ciphers: pskCipher,
    maxVersion: 'TLSv1.2',
    pskCallback: (socket, identity) => {
      const key = secrets().v2.find(({ id }) => identity.endsWith(`/${id}`))
      if (key === undefined) return null
      proofs.set(socket, () => secrets().v2.some(({ id }) => id === key.id))
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
    if (tls === null) return
    const trusted = authoritiesOf(secrets())
    // Any of them may have signed what was shown, so all of them are still to be trusted.
    proofs.set(socket, () => {
      const now = authoritiesOf(secrets())
      return trusted.every((each) => now.includes(each))
    })
  })
  return {
    server,
    renew() {
      const { tls: next } = secrets()
      if (next !== null && tls !== null) server.setSecureContext({ ...next, ...options })
    },
    isGood: (socket) => proofs.get(socket)?.() === true,
  }
}

/** The certificates of a bundle; text around them may change. */
function authoritiesOf({ tls }: Secrets): readonly string[] {
  return String(tls?.ca ?? '').match(/-----BEGIN [^-]+-----[^-]+-----END/g) ?? []
}
