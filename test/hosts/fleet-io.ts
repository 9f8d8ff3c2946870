import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Databases, FleetOptions, Place } from './fleet.ts'
import { targetName } from './fleet.ts'
import { unit } from './graph.ts'
import type { Manager } from './manager.ts'

/** Where the coordinator of a test fleet keeps things. */
export function ioPaths(io: Manager) {
  return {
    config: join(io.root, 'coordinator.json'),
    key: join(io.root, 'psk'),
    stateDir: join(io.stateDir, 'io-guardian-coordinator'),
    runtimeDir: join(io.runDir, 'io-guardian-coordinator'),
    gateDir: join(io.runDir, 'io-guardian-gate'),
    bootIdFile: join(io.root, 'boot-id'),
  }
}

export interface IoParts {
  readonly io: Manager
  readonly options: FleetOptions
  readonly databases: Databases
  readonly places: ReadonlyMap<string, Place>
  readonly program: readonly string[]
}

/** Writes configuration and units of the host that has the databases: daemon, gates, and the name that IO Guardian knew. */
export async function layOutIo(parts: IoParts): Promise<void> {
  const { io, program, options } = parts
  const paths = ioPaths(io)
  await mkdir(paths.stateDir, { recursive: true })
  await mkdir(paths.gateDir)
  await writeFile(paths.config, JSON.stringify(coordinatorConfig(parts), null, 2))
  const command = [...program, 'coordinator', '--config', paths.config]
  const coordinator = 'io-guardian-coordinator.service'
  await io.writeUnit(coordinator, daemonUnit({ unit: coordinator, command, runtime: 'io-guardian-coordinator' }))
  await io.writeUnit('io-guardian-gate@.service', gateUnit(program, paths.config, options.gateStopLimit ?? '2min'))
  await io.writeUnit('io-database-coordinator.service', byHandUnit())
  await io.daemonReload()
  await io.systemctl('enable', ...ioUnits, 'io-guardian-gate@postgresql.service', 'io-guardian-gate@redis.service')
}

/** What is started at boot; a database brings its gate along. */
export const ioUnits = [
  'postgresql.service',
  'redis.service',
  'io-guardian-coordinator.service',
  'io-database-coordinator.service',
] as const

function coordinatorConfig({ io, options, databases, places }: IoParts): object {
  const { config: _, key, ...dirs } = ioPaths(io)
  const { postgres, redis } = databases
  const hosts = Object.entries(options.hosts).map(([name, host]) => {
    return [name, { ...places.get(name), tags: host.tags ?? [] }] as const
  })
  return {
    ...dirs,
    pskFile: key,
    keys: 'derived',
    hosts: Object.fromEntries(hosts),
    resources: {
      postgresql: {
        probe: { type: 'postgres', host: postgres.address, port: postgres.port, every: '500ms' },
        gate: 'local',
      },
      redis: { probe: { type: 'redis', host: redis.address, port: redis.port, every: '500ms' }, gate: 'local' },
    },
    targets: { [targetName]: { needs: ['postgresql', 'redis'], ...options.target } },
    ...options.coordinator,
  }
}

interface Daemon {
  /** The unit that ships, which says how it uses memory. */
  readonly unit: string
  readonly command: readonly string[]
  /** Its directory in the host's /run. */
  readonly runtime: string
  readonly unitLines?: readonly string[]
}

/** A daemon that says when it is ready, and comes back whatever ends it. */
export function daemonUnit({ unit: name, command, runtime, unitLines = [] }: Daemon): string {
  const shipped = readFileSync(join(import.meta.dirname, '../../units', name), 'utf8')
  const memory = shipped.split('\n').filter((line) => line.startsWith('Environment=MALLOC_'))
  const restart = ['Restart=always', 'RestartSec=100ms', 'WatchdogSec=30s']
  return unit({
    Unit: ['StartLimitIntervalSec=0', ...unitLines],
    Service: ['Type=notify', `ExecStart=${command.join(' ')}`, `RuntimeDirectory=${runtime}`, ...memory, ...restart],
    Install: ['WantedBy=default.target'],
  })
}

function gateUnit(program: readonly string[], config: string, stopLimit: string): string {
  const gate = (state: 'up' | 'down') => [...program, 'gate', state, '%i', '--config', config].join(' ')
  return unit({
    Unit: [
      'BindsTo=%i.service',
      // After the by-hand unit, so that a stop of that returns when they are down.
      'After=%i.service io-guardian-coordinator.service io-database-coordinator.service',
      'Wants=io-guardian-coordinator.service',
      'PartOf=io-database-coordinator.service',
      'StartLimitIntervalSec=0',
    ],
    Service: [
      'Type=oneshot',
      'RemainAfterExit=yes',
      `ExecStart=${gate('up')}`,
      // Not ExecStop: that is left out where the start failed or was cut short.
      `ExecStopPost=${gate('down')}`,
      `TimeoutStopSec=${stopLimit}`,
    ],
    Install: ['WantedBy=%i.service'],
  })
}

function byHandUnit(): string {
  const gates = 'io-guardian-gate@postgresql.service io-guardian-gate@redis.service'
  return unit({
    Unit: [`Wants=${gates}`],
    Service: ['Type=oneshot', 'RemainAfterExit=yes', 'ExecStart=/bin/true'],
    Install: ['WantedBy=default.target'],
  })
}
