import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { throughWire, type Wire } from './slow-wire.ts'

const wire: Wire = { delayMs: 30, jitterMs: 20, bytesPerSecond: 1_000_000 }

async function listen(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('it has no port')
  return bound.port
}

t.test('all arrives, in order and late, and so does the end', async (t) => {
  const echo = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket))
  const to = { host: '127.0.0.1', port: await listen(t, echo) }
  const socket = connect(await listen(t, throughWire(wire, to)), '127.0.0.1')
  const sent = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251))
  const began = performance.now()
  for (let at = 0; at < sent.length; at += 1_000) socket.write(sent.subarray(at, at + 1_000))
  socket.end()
  t.ok(sent.equals(await buffer(socket)))
  t.ok(performance.now() - began >= 100 + 2 * wire.delayMs, 'as long as the wire is')
})

t.test('one who hangs up is gone at the other end too', async (t) => {
  const server = createServer()
  const to = { host: '127.0.0.1', port: await listen(t, server) }
  const socket = connect(await listen(t, throughWire(wire, to)), '127.0.0.1').on('error', () => undefined)
  const [far] = await once(server, 'connection')
  far.on('error', () => undefined)
  socket.resetAndDestroy()
  await once(far, 'close')
})

t.test('one who finds nobody is let go', async (t) => {
  const nobody = createServer()
  const port = await listen(t, nobody)
  nobody.close()
  const socket = connect(await listen(t, throughWire(wire, { host: '127.0.0.1', port })), '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'close')
})
