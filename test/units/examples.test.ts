import { readFile } from 'node:fs/promises'
import t from 'tap'
import { agentFile, decodeAgentConfig } from '../../agent/config.ts'
import { coordinatorFile, decodeCoordinatorConfig } from '../../coordinator/config.ts'
import { decodeConfig } from '../../daemon/config-file.ts'
import { rebuildFile } from '../../rebuild/config.ts'

async function example(name: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(new URL(`../../units/${name}`, import.meta.url), 'utf8')
  const value: unknown = JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, ''))
  if (typeof value !== 'object' || value === null) throw new Error(`${name} is no object`)
  return { ...value }
}

t.test('the examples are right and name every setting', async (t) => {
  const agent = await example('agent.json.example')
  t.match(decodeAgentConfig('example', agent), { targets: [{ spec: { name: 'io-databases' } }] })
  t.strictSame(Object.keys(agent).toSorted(), Object.keys(agentFile.entries).toSorted())
  const coordinator = await example('coordinator.json.example')
  t.equal(decodeCoordinatorConfig('example', coordinator).dials.size, 2)
  t.strictSame(Object.keys(coordinator).toSorted(), Object.keys(coordinatorFile.entries).toSorted())
  const rebuild = await example('rebuild.json.example')
  t.match(decodeConfig('example', rebuild, rebuildFile), { closure: 'signed', cpuQuota: '65%' })
  t.strictSame(Object.keys(rebuild).toSorted(), Object.keys(rebuildFile.entries).toSorted())
})
