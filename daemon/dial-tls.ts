import { constants } from 'node:crypto'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import type { Key } from '../protocol/keys.ts'
import { codeOf } from './reason.ts'

/** mTLS with a private CA, in the place of keys. */
export interface TlsFiles {
  readonly cert: Buffer
  readonly key: Buffer
  readonly ca: Buffer
}

export interface TlsPeer {
  readonly address: string
  readonly port: number
  /** The agent's host name: the first half of the identity, and the name that its certificate must carry. */
  readonly host: string
}

// A context costs more memory than a link does, so all links share one.
let pskContext: SecureContext | undefined
const fileContexts = new WeakMap<TlsFiles, SecureContext>()

const keepAliveMs = 15_000

export function connectPsk(peer: TlsPeer, key: Key): TLSSocket {
  pskContext ??= createSecureContext({
    ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  })
  const socket = connect({
    host: peer.address,
    port: peer.port,
    secureContext: pskContext,
    pskCallback: () => ({ psk: key.tlsKey(), identity: `${peer.host}/${key.id}` }),
    // The key itself has proved the server; there is no certificate to look at.
    checkServerIdentity: () => undefined,
  })
  return socket.setKeepAlive(true, keepAliveMs)
}

export function connectFiles(peer: TlsPeer, files: TlsFiles): TLSSocket {
  let secureContext = fileContexts.get(files)
  if (secureContext === undefined) {
    secureContext = createSecureContext({
      ...files,
      minVersion: 'TLSv1.2',
      secureOptions: constants.SSL_OP_NO_TICKET,
    })
    fileContexts.set(files, secureContext)
  }
  const socket = connect({ host: peer.address, port: peer.port, servername: peer.host, secureContext })
  return socket.setKeepAlive(true, keepAliveMs)
}

export interface TlsFailure {
  readonly is: 'refused' | 'not-tls'
  readonly text: string
}

/** What a failed handshake says of the peer; null where it is no failure of TLS. */
export function readTlsFailure(cause: unknown): TlsFailure | null {
  if (!(cause instanceof Error)) return null
  // The same alert has a code of OpenSSL's when it is read, and EPROTO with a long text when a write meets it.
  const text = `${codeOf(cause)} ${cause.message}`.toLowerCase()
  if (text.includes('wrong_version') || text.includes('wrong version') || text.includes('packet_length')) {
    return { is: 'not-tls', text: 'does not speak TLS' }
  }
  if (text.includes('alert') || text.includes('bad_record_mac') || text.includes('bad record mac')) {
    return { is: 'refused', text: 'the agent does not accept our key' }
  }
  if (text.includes('cert'))
    return { is: 'refused', text: `its certificate is not what it should be: ${cause.message}` }
  return null
}

/** What a connection that ended right after its handshake says of a peer that looks at certificates. */
export function readHangUp(cause: unknown): TlsFailure | null {
  return codeOf(cause) === 'ECONNRESET' ? { is: 'refused', text: 'the agent does not accept our certificate' } : null
}
