import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Databases, type HostOptions, type Place, targetName } from './fleet.ts'
import { daemonUnit } from './fleet-io.ts'
import type { Manager } from './manager.ts'

/** Where the agent of a test host keeps things. */
export function hostPaths(host: Manager) {
  return {
    config: join(host.root, 'agent.json'),
    key: join(host.root, 'psk'),
    stateDir: join(host.stateDir, 'io-guardian'),
    runtimeDir: join(host.runDir, 'io-guardian'),
    bootIdFile: join(host.root, 'boot-id'),
  }
}

export interface HostParts {
  readonly host: Manager
  readonly options: HostOptions
  readonly databases: Databases
  readonly place: Place
  readonly program: readonly string[]
  /** Line of the host's own key file. */
  readonly key: string
}

/** Writes configuration and units of a host that needs the databases: agent, target, wait unit and dependents. */
export async function layOutHost({ host, options, databases, place, program, key }: HostParts): Promise<void> {
  const paths = hostPaths(host)
  await mkdir(paths.stateDir, { recursive: true })
  await writeFile(paths.key, `${key}\n`, { mode: 0o600 })
  await chmod(paths.key, 0o600)
  const { config, key: pskFile, ...dirs } = paths
  const { postgres, redis } = databases
  const agent = {
    host: host.name,
    listen: place,
    bus: host.bus,
    pskFile,
    ...dirs,
    targets: { [targetName]: { unit: `${targetName}.target`, needs: ['postgresql', 'redis'] } },
    resources: {
      postgresql: { type: 'postgres', host: postgres.address, port: postgres.port, every: '500ms' },
      redis: { type: 'redis', host: redis.address, port: redis.port, every: '500ms' },
    },
    ...options.agent,
  }
  await writeFile(config, JSON.stringify(agent, null, 2))
  const unit = 'io-guardian.service'
  const daemon = { unit, command: [...program, 'agent', '--config', config], runtime: 'io-guardian' }
  const unitLines = [`Before=wait-for-${targetName}.service ${targetName}.target`]
  await host.writeUnit(unit, daemonUnit({ ...daemon, unitLines }))
  await host.writeGraph({
    target: targetName,
    stateDir: paths.stateDir,
    wait: [...program, 'wait', '--config', config, '--target', targetName].join(' '),
    dependents: options.dependents(databases),
  })
  await host.systemctl('enable', unit)
}
