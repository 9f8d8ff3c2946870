import { createServer, type Socket } from 'node:net'
import t from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { type AgentLink, type DialOptions, dialAgent, dialV1 } from '../../daemon/dial.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { generateKey, Key } from '../../protocol/keys.ts'
import type { AgentMessage } from '../../protocol/v2.ts'
import { openPskServer, portOf } from './psk-server.ts'

const good = new Key(generateKey())
const bad = new Key(generateKey())
const bootId = '0'.repeat(32)
const hello = {
  type: 'hello',
  version: 2,
  host: 'web1',
  bootId,
  build: 'test',
  seen: null,
  targets: ['io-databases'],
  clockMs: 1,
} as const satisfies AgentMessage

function options(port: number, more: Partial<DialOptions> = {}): DialOptions {
  return {
    address: '127.0.0.1',
    port,
    host: 'web1',
    keys: [good],
    authority: { kind: 'direct', operator: 'test' },
    build: 'test',
    limitMs: 5_000,
    ...more,
  }
}

function greet(socket: WebSocket): void {
  socket.once('message', () => socket.send(JSON.stringify(hello)))
}

function nextMessage(link: AgentLink): Promise<AgentMessage> {
  return new Promise((resolve, reject) => {
    link.listen({ message: resolve, closed: (reason) => reject(new Error(reason)) })
  })
}

function closedReason(link: AgentLink): Promise<string> {
  return new Promise((resolve) => link.listen({ message() {}, closed: resolve }))
}

t.test('a link carries messages both ways and says its end once', async (t) => {
  const heard: string[] = []
  await using server = await openPskServer([good], (socket) => {
    socket.on('message', (data) => {
      heard.push(String(data))
      socket.send(JSON.stringify(heard.length === 1 ? hello : { type: 'pong', nonce: 7 }))
    })
  })
  const link = await dialAgent(options(server.port))
  t.strictSame(link.hello, hello)
  t.strictSame(server.identities, [`web1/${good.id}`])
  const pong = nextMessage(link)
  link.send({ type: 'ping', nonce: 7, claim: null })
  t.strictSame(await pong, { type: 'pong', nonce: 7 })
  t.strictSame(JSON.parse(heard[0] ?? ''), {
    type: 'hello',
    oldest: 2,
    newest: 2,
    authority: { kind: 'direct', operator: 'test' },
    build: 'test',
  })
  const closed = closedReason(link)
  link.close()
  t.equal(await closed, 'closed')
  link.send({ type: 'ping', nonce: 8, claim: null })
})

t.test('keys are tried in order, and no session is resumed', async (t) => {
  await using server = await openPskServer([good], greet)
  const link = await dialAgent(options(server.port, { keys: [bad, good] }))
  t.strictSame(server.identities, [`web1/${bad.id}`, `web1/${good.id}`])
  t.equal(link.keyId, good.id, 'it is known which one proved it')
  const again = await dialAgent(options(server.port))
  t.equal(server.sessionsReused(), 0)
  link.close()
  again.close()
})

t.test('a wrong key is unauthorised: the host is named, the key is not', async (t) => {
  await using server = await openPskServer([good], greet)
  const failure = await refusal(options(server.port, { keys: [bad] }))
  t.equal(failure.code, 'unauthorised')
  t.match(failure.message, /^web1: /)
  t.notMatch(JSON.stringify([failure, failure.message, failure.fields]), bad.id)
  t.notMatch(failure.message, bad.line())
  const none = await refusal(options(server.port, { keys: [] }))
  t.equal(none.code, 'unauthorised')
})

t.test('another key under a known identity is unauthorised too', async (t) => {
  class Forged extends Key {
    override readonly id = good.id
  }
  await using server = await openPskServer([good], greet)
  const failure = await refusal(options(server.port, { keys: [new Forged(generateKey())] }))
  t.equal(failure.code, 'unauthorised')
})

t.test('what an agent refuses with is told as its code, with the claim that outranks ours', async (t) => {
  const seen = { epoch: 9, instance: 'a'.repeat(32), revision: 4 }
  await using server = await openPskServer([good], (socket) => {
    socket.send(JSON.stringify({ type: 'error', code: 'superseded', message: 'epoch 3 is over', seen }))
    socket.close(4009)
  })
  const failure = await refusal(options(server.port))
  t.equal(failure.code, 'superseded')
  t.equal(failure.message, 'web1: epoch 3 is over')
  t.strictSame(failure.fields, { host: 'web1', ...seen })
})

t.test('a peer that is none is unreachable, with the reason', async (t) => {
  await using silent = await openTcp(() => {})
  await using plain = await openPlainServer(() => {})
  const cases: readonly [name: string, options: DialOptions, reason: RegExp][] = [
    ['nobody listens', options(await unusedPort()), /connection refused$/],
    ['nobody answers', options(silent.port, { limitMs: 50 }), /no answer in 50 ms$/],
    ['it speaks no TLS', options(plain.port), /does not speak TLS$/],
    ['given up', options(silent.port, { signal: AbortSignal.abort() }), /given up$/],
  ]
  for (const [name, dialled, reason] of cases) {
    const failure = await refusal(dialled)
    t.equal(failure.code, 'unreachable', name)
    t.match(failure.message, reason, name)
  }
})

t.test('an agent that accepts and stays silent is unreachable at the limit', async (t) => {
  await using server = await openPskServer([good], () => {})
  const failure = await refusal(options(server.port, { limitMs: 300 }))
  t.equal(failure.code, 'unreachable')
  t.match(failure.message, /no answer in 300 ms$/)
})

const faults: readonly [name: string, send: (socket: WebSocket) => void, reason: RegExp][] = [
  ['not JSON', (socket) => socket.send('{'), /not JSON/],
  ['binary', (socket) => socket.send(Buffer.from([1, 2, 3])), /not JSON/],
  ['no message', (socket) => socket.send('{"type":"nonsense"}'), /not a message/],
  ['too large', (socket) => socket.send('x'.repeat(70_000)), /payload size/],
  ['cut', (socket) => socket.terminate(), /connection lost/],
  ['told why', (socket) => socket.close(1008, 'the key was removed'), /^the key was removed$/],
]
for (const [name, send, reason] of faults) {
  t.test(`a link ends on what it cannot read: ${name}`, async (t) => {
    await using server = await openPskServer([good], (socket) => {
      socket.once('message', () => {
        socket.send(JSON.stringify(hello))
        send(socket)
      })
    })
    const link = await dialAgent(options(server.port))
    t.match(await closedReason(link), reason)
  })
}

t.test('messages that come with the hello wait for the listener, in order', async (t) => {
  await using server = await openPskServer([good], (socket) => {
    socket.once('message', () => {
      socket.send(JSON.stringify(hello))
      for (let nonce = 0; nonce < 20; nonce += 1) socket.send(JSON.stringify({ type: 'pong', nonce }))
      socket.close(1000)
    })
  })
  const link = await dialAgent(options(server.port))
  await new Promise((resolve) => setImmediate(resolve))
  const nonces: number[] = []
  await new Promise<void>((resolve) => {
    link.listen({
      message: (message) => nonces.push(message.type === 'pong' ? message.nonce : -1),
      closed: () => resolve(),
    })
  })
  t.strictSame(
    nonces,
    Array.from({ length: 20 }, (_, nonce) => nonce),
  )
})

t.test('v1: proves its key, then pairs answers with requests in order', async (t) => {
  const heard: string[] = []
  await using server = await openPlainServer((socket) => {
    socket.on('message', (data) => {
      heard.push(String(data))
      const { type, action } = JSON.parse(String(data))
      if (type === 'auth') socket.send('{"type":"auth","status":"ok","message":"Authentication successful"}')
      else if (action === 'ping') socket.send('{"type":"response","action":"ping","status":"ok","message":"pong"}')
      else socket.send(`{"type":"response","action":"${action}","status":"error","message":"no such unit"}`)
    })
  })
  const link = await dialV1({ address: '127.0.0.1', port: server.port, key: good, limitMs: 5_000 })
  const [drain, ping] = await Promise.all([link.request('drain', 5_000), link.request('ping', 5_000)])
  t.strictSame(drain, { isAnswer: true, ok: false, text: 'no such unit' })
  t.strictSame(ping, { isAnswer: true, ok: true, text: 'pong' })
  t.equal(heard[0], `{"type":"auth","key":"${good.line()}"}`)
  t.equal(heard[1], '{"type":"command","action":"drain"}')
  link.close()
  t.equal(await link.closed, 'closed')
  t.strictSame(await link.request('ping', 5_000), { isAnswer: false, ok: false, text: 'the link is closed' })
})

t.test('v1: a late answer meets no other request', async (t) => {
  const sockets: WebSocket[] = []
  await using server = await openPlainServer((socket) => {
    sockets.push(socket)
    socket.once('message', () => socket.send('{"type":"auth","status":"ok","message":""}'))
  })
  const link = await dialV1({ address: '127.0.0.1', port: server.port, key: good, limitMs: 5_000 })
  t.strictSame(await link.request('drain', 10), { isAnswer: false, ok: false, text: 'no answer in 10 ms' })
  const ping = link.request('ping', 5_000)
  sockets[0]?.send('{"type":"response","action":"drain","status":"ok","message":"drained"}')
  sockets[0]?.send('{"type":"response","action":"ping","status":"ok","message":"pong"}')
  t.strictSame(await ping, { isAnswer: true, ok: true, text: 'pong' })
  const lost = link.request('ping', 5_000)
  sockets[0]?.terminate()
  t.strictSame(await lost, { isAnswer: false, ok: false, text: 'connection lost' })
  t.equal(await link.closed, 'connection lost')
})

t.test('v1: a refused key is unauthorised', async (t) => {
  await using server = await openPlainServer((socket) => {
    socket.once('message', () => {
      socket.send('{"type":"auth","status":"error","message":"Invalid key"}')
      socket.close(1008)
    })
  })
  const dialling = dialV1({ address: '127.0.0.1', port: server.port, key: bad, limitMs: 5_000 })
  const failure = await dialling.then(
    () => null,
    (cause: unknown) => cause,
  )
  t.ok(failure instanceof GuardianError && failure.code === 'unauthorised')
  t.match(failure, { message: /refuses the v1 key: Invalid key$/ })
})

async function refusal(dialled: DialOptions): Promise<GuardianError> {
  try {
    const link = await dialAgent(dialled)
    link.close()
  } catch (cause) {
    if (cause instanceof GuardianError) return cause
    throw cause
  }
  throw new Error('the dial went through')
}

async function openPlainServer(onSocket: (socket: WebSocket) => void) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise((resolve) => server.once('listening', resolve))
  server.on('connection', onSocket)
  return {
    port: portOf(server.address()),
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function openTcp(onSocket: () => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    onSocket()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: portOf(server.address()),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function unusedPort(): Promise<number> {
  await using server = await openTcp(() => {})
  return server.port
}
