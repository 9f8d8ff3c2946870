import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { tokenDoor } from '../../../coordinator/http/access.ts'
import { createApi } from '../../../coordinator/http/server.ts'
import { tokensOf } from '../../../coordinator/http/tokens.ts'
import { aFleet } from './api-parts.ts'

// What somebody without a token sends to the TCP door, in the middle of which he goes away: it is no bug of ours.

const sized = 'Content-Length: 100\r\n\r\n{"a":'
const chunked = 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n'
const bodies: readonly [name: string, body: string][] = [
  ['a body that stops', sized],
  ['chunks that stop', chunked],
  ['a chunk whose length is none', `${chunked}zz\r\n`],
]
const partings: readonly [name: string, part: (socket: Socket) => void][] = [
  ['a close', (socket) => socket.end()],
  ['a reset', (socket) => socket.resetAndDestroy()],
]

for (const [name, body] of bodies) {
  for (const [parting, part] of partings) {
    t.test(`${name}, then ${parting}`, async (t) => {
      const { app, place, bugs } = await openDoor(t)
      const accepted = once(app.server, 'connection')
      const requested = once(app.server, 'request')
      const socket = connect(place)
      socket.on('error', () => {})
      socket.resume().write(`POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${body}`)
      const [ours] = await accepted
      const closed = new Promise((resolve) => ours.on('close', resolve))
      await requested
      part(socket)
      await closed
      t.strictSame(bugs, [])
    })
  }
}

async function openDoor(t: Test) {
  const { parts, bugs } = aFleet()
  const app = createApi(
    parts,
    tokenDoor(() => tokensOf([])),
  )
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const bound = app.server.address()
  return { app, bugs, place: { host: '127.0.0.1', port: typeof bound === 'object' ? (bound?.port ?? 0) : 0 } }
}
