import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createApiClient } from '../../daemon/api-client.ts'
import type { Finding } from '../../doctor/core/finding.ts'
import { survey } from '../../doctor/survey.ts'
import { fleetStatus } from '../../protocol/api.ts'
import { generateKey, Key } from '../../protocol/keys.ts'
import { type FakeAgents, fakeAddress, openFakeAgents } from '../fakes/v2-agent.ts'
import { ioPaths, layOutIo } from '../hosts/fleet-io.ts'
import { type Manager, startManager } from '../hosts/manager.ts'
import { installGuardian } from '../hosts/program.ts'
import { until } from '../hosts/until.ts'

/** A real systemd with a coordinator and its gates as units, on databases that only sleep, and agents that are none. */
export interface IoRig extends AsyncDisposable {
  readonly io: Manager
  readonly agents: FakeAgents
  readonly paths: ReturnType<typeof ioPaths>
  findings(): Promise<readonly Finding[]>
}

const hosts = ['web1', 'web2']

export async function openIoRig(): Promise<IoRig> {
  const key = generateKey()
  // First: where there can be none, nothing is left open.
  const io = await startManager({ name: 'io' })
  const agents = await openFakeAgents({
    hosts,
    keyOf: (host) => [new Key(key).derive(host)],
    address: '0.0.0.0',
  })
  const close = async () => {
    await io.stop()
    await agents[Symbol.asyncDispose]()
  }
  try {
    const paths = ioPaths(io)
    await writeFile(paths.key, `${key}\n`, { mode: 0o600 })
    await writeFile(paths.bootIdFile, 'b'.repeat(32))
    for (const unit of ['postgresql.service', 'redis.service']) {
      await io.writeUnit(unit, '[Service]\nType=exec\nExecStart=/bin/sleep infinity\n')
    }
    const database = (unit: string) => ({ unit, address: '198.18.0.9', port: 1 })
    await layOutIo({
      io,
      options: { hosts: Object.fromEntries(hosts.map((name) => [name, { dependents: () => [] }])) },
      databases: { postgres: database('postgresql.service'), redis: database('redis.service') },
      places: new Map(hosts.map((name, at) => [name, { address: fakeAddress(at), port: agents.port }])),
      program: await installGuardian(join(io.root, 'guardian')),
    })
    await io.systemctl('start', 'io-guardian-coordinator.service', 'postgresql.service', 'redis.service')
    const api = createApiClient({ kind: 'socket', path: join(paths.runtimeDir, 'api.sock') })
    await until('both hosts are linked and both gates up', async () => {
      const status = await api.get('/v1/status', fleetStatus)
      return status.hosts.every(({ connected }) => connected) && status.resources.every(({ gate }) => gate === 'up')
    })
    return {
      io,
      agents,
      paths,
      findings: async () => (await survey({ configs: [paths.config], bus: io.bus })).findings,
      [Symbol.asyncDispose]: close,
    }
  } catch (cause) {
    await close()
    throw cause
  }
}
