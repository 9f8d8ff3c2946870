import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t from 'tap'
import { limits } from '../../../protocol/limits.ts'
import { dial, key, line, openRig, pingDuring } from './door-rig.ts'

t.test('whoever listens on the wire learns neither the key nor what is said', async (t) => {
  await using rig = await openRig()
  const heard: Buffer[] = []
  const relay = createServer((near) => {
    const far = connect(rig.port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => heard.push(bytes)).on('error', () => to.destroy())
      from.pipe(to)
    }
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  t.teardown(() => relay.close())
  const bound = relay.address()
  if (bound === null || typeof bound === 'string') throw new Error('the relay has no port')
  const link = await dial(bound.port)
  const { count } = await pingDuring(link, async () => {
    await new Promise((resolve) => setImmediate(resolve))
  })
  link.close()
  t.ok(count > 0)
  const wire = Buffer.concat(heard)
  t.ok(wire.length > limits.keyLengthMin * 10, 'all has passed here')
  t.ok(wire.includes(`web1/${key.id}`), 'but who is meant, and which key')
  for (const secret of [line, key.tlsKey()]) t.notOk(wire.includes(secret), 'the key')
  for (const word of ['io-guardian.v2', '"type"', 'hello', 'pong', 'io-databases']) t.notOk(wire.includes(word), word)
})
