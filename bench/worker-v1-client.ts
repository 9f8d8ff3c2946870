import { readFile } from 'node:fs/promises'
import { orderAll } from '../test/fakes/v1-client.ts'
import { fakeAddress } from '../test/fakes/v2-agent.ts'

// worker-v1-client COUNT PORT KEYFILE ACTION
const [count = '0', port = '0', keyFile = '', action] = process.argv.slice(2)
const results = await orderAll({
  addresses: Array.from({ length: Number(count) }, (_, at) => fakeAddress(at)),
  port: Number(port),
  key: (await readFile(keyFile, 'utf8')).trim(),
  action: action === 'undrain' ? 'undrain' : 'drain',
  limitMs: 60_000,
})
const failed = results.filter(({ ok }) => !ok)
if (failed.length > 0) {
  console.error(`${failed.length} of ${results.length} failed, the first: ${JSON.stringify(failed[0])}`)
  process.exitCode = 1
}
