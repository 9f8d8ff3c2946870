import { constants } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect, createSecureContext } from 'node:tls'
import { WebSocket } from 'ws'
import { parseKeys } from '../protocol/keys.ts'
import { subprotocol } from '../protocol/v2/hello.ts'
import { fakeAddress } from '../test/fakes/v2-agent.ts'

// worker-bare-links COUNT PORT KEYFILE
const [count = '0', port = '0', keyFile = ''] = process.argv.slice(2)
const fleetKeys = parseKeys(await readFile(keyFile, 'utf8'), keyFile)
const secureContext = createSecureContext({
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_TICKET,
})
const sockets: WebSocket[] = []

function open(at: number): Promise<void> {
  const [key] = fleetKeys.map((each) => each.derive(`h${at}`))
  if (key === undefined) throw new Error('no key')
  const psk = key.tlsKey()
  const socket = new WebSocket(`wss://${fakeAddress(at)}:${port}/`, [subprotocol], {
    perMessageDeflate: false,
    createConnection: () =>
      connect({
        host: fakeAddress(at),
        port: Number(port),
        secureContext,
        pskCallback: () => ({ psk, identity: `h${at}/${key.id}` }),
        checkServerIdentity: () => undefined,
      }),
  })
  sockets.push(socket)
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
}

// As many at a time as a coordinator dials.
const together = 16
for (let at = 0; at < Number(count); at += together) {
  const some = Math.min(together, Number(count) - at)
  await Promise.all(Array.from({ length: some }, (_, next) => open(at + next)))
}
setInterval(() => sockets.length, 1_000)
process.stdout.write('linked\n')
