import t from 'tap'
import { v1Text } from '../../../agent/adapters/door-v1.ts'
import { limits } from '../../../protocol/limits.ts'
import { v1Response } from '../../../protocol/v1.ts'
import { key, line, openRig, openTcp, openV1 } from './door-rig.ts'

// What IO Guardian's server answers, byte for byte: Python writes a space after each colon and comma.
const ok = '{"type": "auth", "status": "ok", "message": "Authentication successful"}'
const transcript: readonly [sent: string, answer: string][] = [
  ['not json', '{"type": "error", "message": "Invalid JSON"}'],
  [JSON.stringify({ type: 'auth', key: line }), ok],
  ['{"type":"command","action":"ping"}', '{"type": "response", "action": "ping", "status": "ok", "message": "pong"}'],
  ['{"type":"command","action":"drain"}', '{"type": "response", "action": "drain", "status": "ok", "message": "done"}'],
  [
    '{"type":"command","action":"undrain"}',
    '{"type": "response", "action": "undrain", "status": "ok", "message": "done"}',
  ],
  ['{"type":"command","action":"reboot"}', '{"type": "error", "message": "Unknown action: reboot"}'],
  ['{"type":"command"}', '{"type": "error", "message": "Unknown action: None"}'],
  ['{"type":"hello"}', '{"type": "error", "message": "Unknown message type: hello"}'],
  ['{}', '{"type": "error", "message": "Unknown message type: None"}'],
  ['{"type":"command","action":', '{"type": "error", "message": "Invalid JSON"}'],
  [JSON.stringify({ type: 'auth', key: line }), ok],
]

t.test('a v1 client gets the answers of IO Guardian, byte for byte', async (t) => {
  await using rig = await openRig()
  const client = await openV1(rig.port)
  for (const [sent, answer] of transcript) {
    client.socket.send(sent)
    t.equal(await client.next(), answer, sent.slice(0, 40))
  }
  t.strictSame(
    rig.told.map(({ type }) => type),
    ['greeted-v1', 'commanded-v1', 'commanded-v1'],
  )
  client.socket.close()
  await client.closed
})

const refusals: readonly [name: string, sent: string, answer: string, reason: string][] = [
  [
    'a wrong key',
    '{"type":"auth","key":"wrong"}',
    '{"type": "auth", "status": "error", "message": "Invalid key"}',
    'Authentication failed',
  ],
  [
    'no key',
    '{"type":"auth"}',
    '{"type": "auth", "status": "error", "message": "Invalid key"}',
    'Authentication failed',
  ],
  [
    'an early command',
    '{"type":"command","action":"drain"}',
    '{"type": "error", "message": "Not authenticated"}',
    'Not authenticated',
  ],
  ['an unknown message', '{"type":"x"}', '{"type": "error", "message": "Not authenticated"}', 'Not authenticated'],
]
for (const [name, sent, answer, reason] of refusals) {
  t.test(`${name} is refused and the connection closed with 1008`, async (t) => {
    await using rig = await openRig()
    const client = await openV1(rig.port)
    client.socket.send(sent)
    t.equal(await client.next(), answer)
    t.strictSame(await client.closed, { code: 1008, reason })
    t.notOk(rig.told.some(({ type }) => type === 'commanded-v1' || type === 'greeted-v1'))
  })
}

t.test('nothing that follows a wrong key is read', async (t) => {
  await using rig = await openRig()
  const client = await openV1(rig.port)
  client.socket.send('{"type":"auth","key":"wrong"}')
  client.socket.send(JSON.stringify({ type: 'auth', key: line }))
  client.socket.send('{"type":"command","action":"drain"}')
  await client.closed
  t.strictSame(client.received, ['{"type": "auth", "status": "error", "message": "Invalid key"}'])
  t.strictSame(rig.failures, ['key'])
})

t.test('a text that is not ASCII is written as Python writes it', async (t) => {
  t.equal(
    v1Text(v1Response('drain', 'error', 'ä "x"\n\u{1f600}')),
    String.raw`{"type": "response", "action": "drain", "status": "error", "message": "\u00e4 \"x\"\n\ud83d\ude00"}`,
  )
})

t.test('a frame above 4 KiB ends the connection with 1009', async (t) => {
  await using rig = await openRig()
  const client = await openV1(rig.port)
  client.socket.send('x'.repeat(limits.frameBytesBeforeProof + 1))
  t.equal((await client.closed).code, 1009)
})

t.test('without v1 keys an upgrade is refused in words', async (t) => {
  await using rig = await openRig({ v2: [key], v1: [], tls: null })
  const answer = await ask(rig.port, upgrade(''))
  t.match(answer, /^HTTP\/1\.1 403 /)
  t.match(answer, 'protocol v1 is off here')
})

t.test('v2 is refused without TLS, and so is a subprotocol that nobody knows', async (t) => {
  await using rig = await openRig()
  t.match(
    await ask(rig.port, upgrade('Sec-WebSocket-Protocol: io-guardian.v2\r\n')),
    /^HTTP\/1\.1 426 [\s\S]*over TLS only/,
  )
  t.match(await ask(rig.port, upgrade('Sec-WebSocket-Protocol: mqtt\r\n')), /^HTTP\/1\.1 400 [\s\S]*io-guardian\.v2/)
})

t.test('the pages are served in clear, and nothing else', async (t) => {
  await using rig = await openRig()
  t.match(await ask(rig.port, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 200 [\s\S]*ok\n$/)
  t.match(await ask(rig.port, 'GET /readyz?x HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 503 [\s\S]*no bus\n$/)
  t.match(await ask(rig.port, 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 200 [\s\S]*metrics\n$/)
  t.match(await ask(rig.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 404 /)
  t.match(await ask(rig.port, 'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'), /^HTTP\/1\.1 405 /)
})

function upgrade(header: string): string {
  return `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${header}\r\n`
}

/** Everything that comes back until the end. */
async function ask(port: number, text: string): Promise<string> {
  const socket = await openTcp(port)
  socket.write(text)
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return answer
}
