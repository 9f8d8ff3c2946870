import { constants } from 'node:crypto'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import type { Key } from '../protocol/keys.ts'

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
