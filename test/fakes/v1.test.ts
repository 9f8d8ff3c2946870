import t from 'tap'
import { replay } from '../golden/replay.ts'
import { readTranscripts } from '../golden/transcripts.ts'
import { orderAll } from './v1-client.ts'
import { openV1Servers } from './v1-server.ts'

const key = 'k'.repeat(32)

t.test('the fake server answers every recorded visit as recorded', async (t) => {
  await using servers = await openV1Servers({ key })
  for (const transcript of await readTranscripts(key)) {
    t.equal(await replay(`ws://127.0.0.1:${servers.port}/`, transcript), null, transcript.name)
  }
})

t.test('the fake client drains many hosts at once and says what became of each', async (t) => {
  await using servers = await openV1Servers({
    key,
    address: '0.0.0.0',
    carryOut: (host) => ({ ok: host !== '127.0.0.3', text: host }),
  })
  const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
  const results = await orderAll({ addresses, port: servers.port, key, action: 'drain', limitMs: 5_000 })
  t.strictSame(
    results,
    addresses.map((address) => ({ address, ok: address !== '127.0.0.3', text: address })),
  )
  t.strictSame([...servers.carriedOut].map(({ host }) => host).sort(), addresses)
})

t.test('a wrong key, a cut link and a closed port are results, not errors', async (t) => {
  const servers = await openV1Servers({ key, carryOut: () => new Promise(() => servers.cut()) })
  const order = { addresses: ['127.0.0.1'], port: servers.port, key, action: 'drain', limitMs: 5_000 } as const
  t.match(await orderAll({ ...order, key: 'w'.repeat(32) }), [{ ok: false, text: 'Invalid key' }])
  t.match(await orderAll(order), [{ ok: false, text: 'closed with 1006' }])
  await servers[Symbol.asyncDispose]()
  t.match(await orderAll(order), [{ ok: false, text: /ECONNREFUSED/ }])
})
