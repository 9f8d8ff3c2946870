import { readFile } from 'node:fs/promises'
import { parseKeys } from '../protocol/keys.ts'
import { openFakeAgents } from '../test/fakes/v2-agent.ts'

// worker-v2-agents COUNT PORT KEYFILE
const [count = '0', port = '0', keyFile = ''] = process.argv.slice(2)
const fleetKeys = parseKeys(await readFile(keyFile, 'utf8'), keyFile)
const hosts = Array.from({ length: Number(count) }, (_, at) => `h${at}`)
const keys = new Map(hosts.map((host) => [host, fleetKeys.map((key) => key.derive(host))]))
await openFakeAgents({
  hosts,
  targets: ['io-databases'],
  keyOf: (host) => keys.get(host) ?? [],
  address: '0.0.0.0',
  port: Number(port),
})
process.stdout.write('ready\n')
