import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { neighbourhood } from '../../../agent/adapters/door-strangers.ts'
import { GuardianError } from '../../../protocol/errors.ts'
import { limits } from '../../../protocol/limits.ts'
import { until } from '../../hosts/until.ts'
import { dial, key, openRig, openTcp, openV1, pingDuring, shake } from './door-rig.ts'

t.test('the pool cuts off the oldest of whoever has most', async (t) => {
  await using rig = await openRig()
  const first = await openTcp(rig.port, '127.0.0.2')
  const many: Socket[] = []
  for (let count = 0; count < limits.strangersPerAddressMax; count += 1) many.push(await openTcp(rig.port, '127.0.0.3'))
  await until('all are in', () => rig.door.strangers === limits.strangersPerAddressMax + 1)
  const [oldest] = many
  if (oldest === undefined) throw new Error('none was opened')
  const cut = once(oldest.resume(), 'close')
  many.push(await openTcp(rig.port, '127.0.0.3'))
  await cut
  t.equal(first.destroyed, false, 'a neighbour is not touched')
  t.strictSame(rig.failures, ['crowded'])
  for (const socket of [first, ...many]) socket.destroy()
  await until('all are out', () => rig.door.strangers === 0)
})

t.test('the pool has room for so many in all, and never for two at the cost of one', async (t) => {
  await using rig = await openRig()
  const alone = await openTcp(rig.port, '127.0.0.2')
  const sockets: Socket[] = []
  for (let count = 0; count < 3 * limits.strangersMax; count += 1)
    sockets.push(await openTcp(rig.port, `127.0.0.${3 + (count % 4)}`))
  await until('the last one is in', () => rig.door.strangers === limits.strangersMax)
  t.equal(alone.destroyed, false)
  for (const socket of [alone, ...sockets]) socket.destroy()
})

t.test('1,000 idle sockets neither hinder a link nor stay', async (t) => {
  await using rig = await openRig()
  const sockets: Socket[] = []
  const link = await dial(rig.port)
  const { count } = await pingDuring(link, async () => {
    for (let opened = 0; opened < 1_000; opened += 1) sockets.push((await openTcp(rig.port)).resume())
    await until(
      'most are cut off',
      () => sockets.filter((socket) => socket.destroyed).length >= 1_000 - limits.strangersMax,
    )
    const second = await dial(rig.port)
    second.close()
  })
  t.ok(count > 100, `${count} pings were answered meanwhile`)
  t.ok(rig.door.strangers <= limits.strangersPerAddressMax)
  link.close()
  for (const socket of sockets) socket.destroy()
})

t.test('one who says nothing is cut off in time, with TLS half done or without', async (t) => {
  await using rig = await openRig()
  const startedMs = performance.now()
  const silent = (await openTcp(rig.port)).resume()
  const half = (await openTcp(rig.port)).resume()
  half.write(Buffer.from([0x16, 3, 1]))
  const unproved = await openV1(rig.port)
  await Promise.all([once(silent, 'close'), once(half, 'close'), unproved.closed])
  t.ok(performance.now() - startedMs >= limits.proofMs - 100)
  t.strictSame(rig.failures, ['late', 'late', 'late'])
})

t.test('one who has the key and then asks for nothing is cut off in time', async (t) => {
  await using rig = await openRig()
  const link = await dial(rig.port)
  const ends: string[] = []
  link.listen({ message: () => {}, closed: (reason) => ends.push(reason) })
  const silent = shake(rig.port, key)
  const half = shake(rig.port, key)
  const v1 = new WebSocket(`wss://127.0.0.1:${rig.port}/`, { createConnection: () => shake(rig.port, key) })
  await Promise.all([once(silent, 'secureConnect'), once(half, 'secureConnect'), once(v1, 'open')])
  half.write('GET /healthz HTTP/1.1\r\n')
  v1.on('error', () => {})
  await Promise.all([once(silent.resume(), 'close'), once(half.resume(), 'close'), once(v1, 'close')])
  t.strictSame(rig.failures, [], 'they are no strangers')
  t.strictSame(ends, [], 'a link lives on')
  link.close()
})

t.test('wrong v1 keys wait, each on its own socket', async (t) => {
  await using rig = await openRig()
  const startedMs = performance.now()
  const clients = await Promise.all(Array.from({ length: 20 }, () => openV1(rig.port)))
  for (const { socket } of clients) socket.send('{"type":"auth","key":"wrong"}')
  const right = await openV1(rig.port)
  right.socket.send(JSON.stringify({ type: 'auth', key: key.line() }))
  t.match(await right.next(), 'successful')
  t.ok(performance.now() - startedMs < limits.failedKeyDelayMs, 'the right key waits for nobody')
  for (const client of clients) t.match(await client.next(), 'Invalid key')
  const tookMs = performance.now() - startedMs
  t.ok(tookMs >= limits.failedKeyDelayMs && tookMs < 10 * limits.failedKeyDelayMs, `${tookMs}`)
  right.socket.close()
})

t.test('a port that is taken is named, with who to ask', async (t) => {
  await using rig = await openRig()
  const { openDoor } = await import('../../../agent/adapters/door.ts')
  const { quietLog } = await import('../quiet-log.ts')
  const cause: unknown = await openDoor({
    listen: { address: '127.0.0.1', port: rig.port },
    secrets: () => rig.secrets,
    pages: { metrics: async () => ({ type: '', text: '' }), unready: () => [] },
    told: () => {},
    failed: () => {},
    log: quietLog(),
  }).catch((refusal: unknown) => refusal)
  t.ok(cause instanceof GuardianError && cause.code === 'port-taken')
  t.match(String(cause), new RegExp(`port ${rig.port} .*ss -ltnp`))
})

const neighbours: readonly [address: string, neighbourhood: string][] = [
  ['198.18.0.1', '198.18.0.1'],
  ['::ffff:198.18.0.1', '198.18.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::6', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
]
for (const [address, expected] of neighbours) {
  t.test(`${address} belongs to ${expected}`, async (t) => t.equal(neighbourhood(address), expected))
}
