import { randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKey, parseKeys } from '../../protocol/keys.ts'
import { freePort, loopbackAddress } from './addresses.ts'
import { addPostgres, addRedis, type Database } from './databases.ts'
import { layOutHost } from './fleet-host.ts'
import { ioPaths, layOutIo } from './fleet-io.ts'
import type { Dependent } from './graph.ts'
import { type Manager, type Outcome, run, startManager } from './manager.ts'
import { guardianProgram } from './program.ts'
import { until } from './until.ts'

/** A coordinator with PostgreSQL and Redis on one host, and agents on others: everything real, on loopback. */
export interface Fleet extends AsyncDisposable {
  readonly root: string
  readonly io: Manager
  readonly hosts: ReadonlyMap<string, Manager>
  readonly databases: Databases
  readonly places: ReadonlyMap<string, Place>
  /** How guardian is run, and the environment with which its `ctl` finds this fleet. */
  readonly program: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  host(name: string): Manager
  ctl(...args: readonly string[]): Promise<Outcome>
  /** Ends every process of every host and removes what the fleet wrote. */
  stop(): Promise<void>
}

export interface Databases {
  readonly postgres: Database
  readonly redis: Database
}

export interface Place {
  readonly address: string
  readonly port: number
}

export interface HostOptions {
  readonly tags?: readonly string[]
  readonly dependents: (databases: Databases) => readonly Dependent[]
  /** Added to agent.json. */
  readonly agent?: object
}

export interface FleetOptions {
  readonly hosts: Readonly<Record<string, HostOptions>>
  /** Added to coordinator.json, and to the target in it. */
  readonly coordinator?: object
  readonly target?: object
  readonly gateStopLimit?: string
  /** Told of each step, for a person who waits. */
  readonly tell?: (step: string) => void
}

export const targetName = 'io-databases'

/** Resolves when every daemon is ready and every host's target is active. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const root = await mkdtemp(join(tmpdir(), 'guardian-'))
  const managers = new Map<string, Manager>()
  const stop = async () => {
    await Promise.all([...managers.values()].map((manager) => manager.stop()))
    await rm(root, { recursive: true, force: true })
  }
  try {
    return await raise(options, { root, managers, stop })
  } catch (cause) {
    await stop()
    throw cause
  }
}

interface Ground {
  readonly root: string
  readonly managers: Map<string, Manager>
  readonly stop: () => Promise<void>
}

async function raise(options: FleetOptions, { root, managers, stop }: Ground): Promise<Fleet> {
  const tell = options.tell ?? (() => undefined)
  const program = await guardianProgram()
  const names = Object.keys(options.hosts)
  // Others pass through to what they own, such as PostgreSQL to its data.
  await chmod(root, 0o755)
  tell(`booting ${names.length + 1} systemd managers: io, ${names.join(', ')}`)
  for (const name of ['io', ...names]) managers.set(name, await bootManager(root, name))
  const host = (name: string) => {
    const found = managers.get(name)
    if (found === undefined) throw new Error(`the fleet has no host ${name}`)
    return found
  }
  const io = host('io')
  const address = loopbackAddress()
  const databases = { postgres: await addPostgres(io, address), redis: await addRedis(io, address) }
  const places = new Map<string, Place>()
  for (const name of names) places.set(name, await freePlace())
  tell(`starting PostgreSQL and Redis on io (${address}) with their gates, and the coordinator`)
  const fleetKey = generateKey()
  await writeFile(ioPaths(io).key, `${fleetKey}\n`, { mode: 0o600 })
  await layOutIo({ io, options, databases, places, program })
  await io.systemctl(
    'start',
    'default.target',
    'postgresql.service',
    'redis.service',
    'io-guardian-coordinator.service',
    'io-database-coordinator.service',
  )
  tell(`starting the agents, and what depends on the databases, on ${names.join(', ')}`)
  for (const [name, hostOptions] of Object.entries(options.hosts)) {
    const place = places.get(name) ?? (await freePlace())
    const key = derivedKey(fleetKey, name)
    await layOutHost({ host: host(name), options: hostOptions, databases, place, program, key })
  }
  await Promise.all(names.map((name) => host(name).systemctl('start', 'io-guardian.service')))
  await Promise.all(names.map((name) => openTarget(host(name))))
  const environment = { ...io.environment, GUARDIAN_SOCKET: join(ioPaths(io).runtimeDir, 'api.sock') }
  const [command = '', ...first] = program
  return {
    root,
    io,
    hosts: new Map(names.map((name) => [name, host(name)])),
    databases,
    places,
    program,
    environment,
    host,
    ctl: (...args) => run(command, [...first, 'ctl', ...args], environment),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function bootManager(root: string, name: string): Promise<Manager> {
  await mkdir(join(root, name))
  // Hosts of one machine share its boot, so each gets a boot id of its own.
  await writeFile(join(root, name, 'boot-id'), `${randomUUID()}\n`)
  return startManager({ name, root: join(root, name) })
}

async function openTarget(host: Manager): Promise<void> {
  await host.systemctl('start', '--no-block', `${targetName}.target`)
  await until(
    `${targetName}.target is active on ${host.name}`,
    async () => (await host.show(`${targetName}.target`, 'ActiveState')) === 'active',
    { limitMs: 60_000, everyMs: 50 },
  )
}

async function freePlace(): Promise<Place> {
  const address = loopbackAddress()
  return { address, port: await freePort(address) }
}

function derivedKey(fleetKey: string, host: string): string {
  const [key] = parseKeys(fleetKey, 'the fleet key')
  if (key === undefined) throw new Error('the fleet key file is empty')
  return key.derive(host).line()
}
