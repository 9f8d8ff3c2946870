import { once } from 'node:events'
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { getPage, readDoor } from '../../../doctor/adapters/door.ts'
import { aheadMs } from '../../../doctor/core/fleet.ts'
import { freePort, loopbackAddress } from '../../hosts/addresses.ts'

const metrics = 'guardian_up 1\nguardian_build_info{version="9.8.7",node="v20.0.0"} 1\n'

async function serve(t: Test, pages: Readonly<Record<string, readonly [status: number, text: string]>>, aheadMs = 0) {
  const server = createServer(({ url = '' }, response) => {
    const [status, text] = pages[url] ?? [404, 'nothing here\n']
    response.writeHead(status, { date: new Date(Date.now() + aheadMs).toUTCString(), connection: 'close' }).end(text)
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const bound = server.address()
  return { address: '0.0.0.0', port: typeof bound === 'object' && bound !== null ? bound.port : 0 }
}

t.test('an agent that is ready, and its build; whoever listens everywhere is asked here', async (t) => {
  const at = await serve(t, { '/metrics': [200, metrics], '/readyz': [200, 'ready\n'] })
  t.strictSame(await readDoor(at), {
    door: { address: '127.0.0.1', port: at.port, is: { is: 'ready' } },
    build: 'guardian 9.8.7',
  })
})

t.test('an agent that says why it is not ready', async (t) => {
  const at = await serve(t, { '/metrics': [200, metrics], '/readyz': [503, 'no bus\nno unit\n'] })
  const { door } = await readDoor(at)
  t.strictSame(door.is, { is: 'not-ready', lines: ['no bus', 'no unit'] })
})

t.test('somebody else, and nobody', async (t) => {
  const { door, build } = await readDoor(await serve(t, {}))
  t.strictSame([door.is, build], [{ is: 'stranger' }, null])
  const address = loopbackAddress()
  const none = await readDoor({ address, port: await freePort(address) })
  t.strictSame(none.door.is, { is: 'closed', reason: 'connection refused' })
})

const hourMs = 3_600_000
for (const [name, skewMs, least, most] of [
  ['the same', 0, 0, 0],
  // A date of whole seconds says up to one less; the margin that covers it up to two more.
  ['an hour ahead', hourMs, hourMs - 1_000, hourMs],
  ['an hour behind', -hourMs, -hourMs, -hourMs + 2_000],
] as const) {
  t.test(`a clock that is ${name}`, async (t) => {
    const { port } = await serve(t, { '/healthz': [200, 'ok\n'] }, skewMs)
    const { clock } = await getPage('127.0.0.1', port, '/healthz')
    const ahead = clock === null ? Number.NaN : aheadMs(clock)
    // Never more than it is, and short by no more than the round trip besides.
    const tripMs = clock === null ? 0 : clock.receivedMs - clock.sentMs
    t.ok(ahead >= least - tripMs && ahead <= most + tripMs, `${ahead} ms`)
  })
}

t.test('an answer without a date tells no time', async (t) => {
  const server = createServer((_request, response) => {
    response.sendDate = false
    response.end('ok\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  t.match(await getPage('127.0.0.1', port, '/healthz'), { status: 200, text: 'ok\n', clock: null })
})
