import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { dialAgent } from '../../../daemon/dial.ts'
import { GuardianError } from '../../../protocol/errors.ts'
import { limits } from '../../../protocol/limits.ts'
import { until } from '../../hosts/until.ts'
import { key, openRig, openV2, type RawClient, shake, wrongKey } from './door-rig.ts'

const hello = JSON.stringify({
  type: 'hello',
  oldest: 2,
  newest: 2,
  authority: { kind: 'direct', operator: 'x' },
  build: 't',
})

async function greeted(port: number): Promise<RawClient> {
  const client = await openV2(port)
  client.socket.send(hello)
  await client.next()
  return client
}

t.test('a client with the key is greeted and told to the core', async (t) => {
  await using rig = await openRig()
  const client = await greeted(rig.port)
  client.socket.send('{"type":"ping","nonce":7,"claim":null}')
  t.equal(await client.next(), '{"type":"pong","nonce":7}')
  client.socket.send('{"type":"status"}')
  client.socket.close()
  await until('the core is told of the end', () => rig.told.at(-1)?.type === 'link-closed')
  t.strictSame(
    rig.told.map(({ type }) => type),
    ['greeted', 'pinged', 'status-asked', 'link-closed'],
  )
})

const garbage: readonly [name: string, frame: string | Buffer, code: number][] = [
  ['not JSON', 'hello', 1007],
  ['cut off', hello.slice(0, -3), 1007],
  ['binary', randomBytes(500), 1007],
  ['an unknown type', '{"type":"x"}', 1007],
  ['an array', '[]', 1007],
  ['null', 'null', 1007],
  ['deeply nested', '['.repeat(30_000), 1007],
  ['deeply nested and closed', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 1007],
  ['nested objects', `{"type":"hello","authority":${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}}`, 1007],
  ['a hello said twice', hello, 1007],
  [
    'a name that is a path',
    '{"type":"command","id":"1","action":"drain","target":"../x","authority":{"kind":"direct","operator":"x"},"holds":[],"release":[],"limitMs":1}',
    1007,
  ],
  ['one byte too much', 'x'.repeat(limits.frameBytes + 1), 1009],
  ['10 MB', Buffer.alloc(10 * 1024 * 1024, 0x20), 1009],
]
for (const [name, frame, code] of garbage) {
  t.test(`a frame that is ${name} ends the link with ${code} and harms nobody`, async (t) => {
    await using rig = await openRig()
    const other = await greeted(rig.port)
    const client = await greeted(rig.port)
    client.socket.send(frame)
    const closed = await client.closed
    t.ok([code, 1006].includes(closed.code), `${closed.code}`)
    if (code === 1007) t.match(client.received.at(-1), /"type":"error","code":"bad-message"/)
    other.socket.send('{"type":"ping","nonce":1,"claim":null}')
    t.equal(await other.next(), '{"type":"pong","nonce":1}')
    other.socket.close()
  })
}

t.test('anything before hello ends the link', async (t) => {
  await using rig = await openRig()
  const client = await openV2(rig.port)
  client.socket.send('{"type":"ping","nonce":1,"claim":null}')
  t.match(await client.next(), 'hello comes before ping')
  t.equal((await client.closed).code, 1007)
})

t.test('bytes that are no WebSocket inside TLS harm nobody', async (t) => {
  await using rig = await openRig()
  const socket = shake(rig.port, key)
  await once(socket, 'secureConnect')
  socket.write(randomBytes(2_000))
  socket.resume()
  await once(socket, 'close')
  const client = await greeted(rig.port)
  client.socket.close()
  t.equal((await client.closed).code, 1005)
})

t.test('a wrong key is refused as such', async (t) => {
  await using rig = await openRig()
  const dial = { address: '127.0.0.1', port: rig.port, host: 'web1', build: 't', limitMs: 5_000 }
  const authority = { kind: 'direct', operator: 'x' } as const
  const cause: unknown = await dialAgent({ ...dial, authority, keys: [wrongKey] }).catch((refusal: unknown) => refusal)
  t.ok(cause instanceof GuardianError && cause.code === 'unauthorised', String(cause))
  t.strictSame(rig.failures, ['key'])
  const link = await dialAgent({ ...dial, authority, keys: [wrongKey, key] })
  t.equal(link.hello.host, 'web1')
  link.close()
})

t.test('a session cannot be resumed: neither with a ticket nor by its id', async (t) => {
  await using rig = await openRig()
  const first = shake(rig.port, key)
  let session: Buffer | undefined
  first.on('session', (next) => {
    session = next
  })
  await once(first, 'secureConnect')
  session ??= first.getSession()
  first.destroy()
  t.ok(session !== undefined)
  if (session === undefined) return
  const again = shake(rig.port, key, { session })
  await once(again, 'secureConnect')
  t.equal(again.isSessionReused(), false)
  again.destroy()
  rig.secrets = { v2: [], v1: [], tls: null }
  const late = shake(rig.port, wrongKey, { session })
  const [cause] = await once(late, 'error')
  t.match(String(cause), /alert/i, 'the old session opens nothing once its key is gone')
})

t.test('a link negotiates only once, so nobody names another key in the midst of it', async (t) => {
  await using rig = await openRig()
  const socket = shake(rig.port, key)
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  const outcome = await new Promise<string>((resolve) => {
    socket.once('close', () => resolve('refused'))
    socket.renegotiate({}, (cause) => resolve(cause === null ? 'negotiated anew' : 'refused'))
  })
  socket.destroy()
  t.equal(outcome, 'refused')
})

t.test('a key that is removed closes its links and no others', async (t) => {
  const second = wrongKey
  await using rig = await openRig({ v2: [key, second], v1: [], tls: null })
  const one = await greeted(rig.port)
  const two = await openV2(rig.port, second)
  two.socket.send(hello)
  await two.next()
  rig.secrets = { v2: [second], v1: [], tls: null }
  rig.door.keysChanged()
  t.strictSame(await one.closed, { code: 1008, reason: 'the key was removed' })
  t.equal(two.socket.readyState, WebSocket.OPEN)
  two.socket.close()
})

t.test('a handshake of a key that was removed since opens no link', async (t) => {
  await using rig = await openRig()
  const socket = shake(rig.port, key)
  await once(socket, 'secureConnect')
  rig.secrets = { v2: [wrongKey], v1: [], tls: null }
  rig.door.keysChanged()
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  const protocol = ['Sec-WebSocket-Protocol: io-guardian.v2', `Sec-WebSocket-Key: ${'A'.repeat(22)}==`]
  socket.write(['GET / HTTP/1.1', 'Host: x', ...upgrade, ...protocol, '', ''].join('\r\n'))
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /^HTTP\/1\.1 403 .*the key was removed/s)
  socket.destroy()
})

t.test('a peer that does not read is cut off, not queued for', async (t) => {
  await using rig = await openRig()
  const client = await greeted(rig.port)
  client.socket.pause()
  const [{ link } = { link: '' }] = rig.told
  const before = process.memoryUsage().external
  for (let sent = 0; sent < 400 && !rig.told.some(({ type }) => type === 'link-closed'); sent += 1) {
    rig.door.send(link, {
      type: 'progress',
      id: 'x'.repeat(64),
      units: Array.from({ length: 200 }, () => `${'u'.repeat(240)}.service`),
    })
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.ok(rig.told.some(({ type }) => type === 'link-closed'))
  t.ok(process.memoryUsage().external - before < 30 * 1024 * 1024)
  client.socket.terminate()
})
