import { randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiClient, createApiClient } from '../../daemon/api-client.ts'
import { generateKey, parseKeys } from '../../protocol/keys.ts'
import { freePort, loopbackAddress } from './addresses.ts'
import { addPostgres, addRedis, type Database } from './databases.ts'
import { layOutHost } from './fleet-host.ts'
import { ioPaths, ioUnits, layOutIo } from './fleet-io.ts'
import type { Dependent } from './graph.ts'
import { type Manager, type Outcome, run, startManager } from './manager.ts'
import { installGuardian } from './program.ts'
import { until } from './until.ts'

/** A coordinator with PostgreSQL and Redis on one host, and agents on others: everything real, on loopback. */
export interface Fleet extends AsyncDisposable {
  readonly root: string
  readonly io: Manager
  readonly databases: Databases
  /** How guardian is run, and the environment with which its `ctl` finds this fleet. */
  readonly program: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  host(name: string): Manager
  /** Where the agent of a host listens. */
  place(name: string): Place
  ctl(...args: readonly string[]): Promise<Outcome>
  readonly api: ApiClient
  /** Shuts a host down in order and boots it with its disk; `meanwhile` runs while it is off. */
  reboot(name: string, meanwhile?: () => Promise<void>): Promise<void>
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
    const said = await logsOf([...managers.values()])
    await stop()
    throw new Error(`the fleet did not come up; its daemons said:\n${said}`, { cause })
  }
}

/** The last lines of every unit of guardian's. */
export async function logsOf(managers: readonly Manager[]): Promise<string> {
  const texts: string[] = []
  for (const { name, root } of managers) {
    for (const unit of (await readdir(join(root, 'log'))).filter(
      (each) => each.includes('guardian') || each.startsWith('wait'),
    )) {
      const lines = (await readFile(join(root, 'log', unit), 'utf8')).trimEnd().split('\n').slice(-30)
      texts.push(`-- ${name} ${unit}`, ...lines)
    }
  }
  return texts.join('\n')
}

interface Ground {
  readonly root: string
  readonly managers: Map<string, Manager>
  readonly stop: () => Promise<void>
}

async function raise(options: FleetOptions, ground: Ground): Promise<Fleet> {
  const { root, managers, stop } = ground
  const tell = options.tell ?? (() => undefined)
  const names = Object.keys(options.hosts)
  const program = await installGuardian(join(root, 'guardian'))
  // Others pass through to what they own, such as PostgreSQL to its data.
  await chmod(root, 0o755)
  tell(`booting ${names.length + 1} systemd managers: io, ${names.join(', ')}`)
  const io = await bootManager(root, 'io')
  managers.set('io', io)
  for (const name of names) managers.set(name, await bootManager(root, name))
  const address = loopbackAddress()
  const databases = { postgres: await addPostgres(io, address), redis: await addRedis(io, address) }
  const places = new Map<string, Place>()
  for (const name of names) places.set(name, await freePlace())
  const fleet = fleetOf({ root, io, managers, databases, places, program, stop })
  const key = generateKey()
  tell('starting PostgreSQL and Redis with their gates, and the coordinator, on io')
  await writeFile(ioPaths(io).key, `${key}\n`, { mode: 0o600 })
  await layOutIo({ io, options, databases, places, program })
  await io.systemctl('start', ...ioUnits)
  tell(`starting an agent, and what lives from the databases, on ${names.join(', ')}`)
  await Promise.all(Object.entries(options.hosts).map(([name, host]) => raiseHost(fleet, name, host, key)))
  return fleet
}

async function raiseHost(fleet: Fleet, name: string, options: HostOptions, fleetKey: string): Promise<void> {
  const { databases, program } = fleet
  const host = fleet.host(name)
  await layOutHost({ host, options, databases, place: fleet.place(name), program, key: derivedKey(fleetKey, name) })
  await host.systemctl('start', 'io-guardian.service')
  await openTarget(host)
}

type FleetParts = Pick<Fleet, 'root' | 'io' | 'databases' | 'program' | 'stop'> & {
  readonly managers: Map<string, Manager>
  readonly places: ReadonlyMap<string, Place>
}

function fleetOf({ managers, places, ...parts }: FleetParts): Fleet {
  const socket = join(ioPaths(parts.io).runtimeDir, 'api.sock')
  const environment = { ...parts.io.environment, GUARDIAN_SOCKET: socket }
  const [command = '', ...first] = parts.program
  return {
    ...parts,
    environment,
    host: (name) => known(managers, name),
    place: (name) => known(places, name),
    api: createApiClient({ kind: 'socket', path: socket }),
    reboot: async (name, meanwhile = async () => undefined) => {
      await known(managers, name).poweroff()
      await meanwhile()
      managers.set(name, await bootManager(parts.root, name))
    },
    ctl: (...args) => run(command, [...first, 'ctl', ...args], environment),
    [Symbol.asyncDispose]: parts.stop,
  }
}

function known<T>(all: ReadonlyMap<string, T>, name: string): T {
  const found = all.get(name)
  if (found === undefined) throw new Error(`the fleet has no host ${name}`)
  return found
}

async function bootManager(root: string, name: string): Promise<Manager> {
  await mkdir(join(root, name), { recursive: true })
  // Hosts of one machine share its boot, so each gets a boot id of its own.
  await writeFile(join(root, name, 'boot-id'), `${randomUUID()}\n`)
  return startManager({ name, root: join(root, name), sweep: [root] })
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
