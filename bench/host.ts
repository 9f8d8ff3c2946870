import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKey, parseKeys } from '../protocol/keys.ts'
import { freePort, loopbackAddress } from '../test/hosts/addresses.ts'
import { daemonUnit } from '../test/hosts/fleet-io.ts'
import { type Manager, startManager } from '../test/hosts/manager.ts'
import { until } from '../test/hosts/until.ts'
import { timed } from './program.ts'

/** One real systemd with a coordinator, an agent, and for each size a target that guardian has and a twin that it has not. */
export interface BenchHost extends AsyncDisposable {
  readonly manager: Manager
  readonly program: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Milliseconds of `guardian ctl …`. */
  ctl(...args: readonly string[]): Promise<number>
  /** Milliseconds of `systemctl --user …`. */
  systemctl(...args: readonly string[]): Promise<number>
  pidOf(unit: string): Promise<number>
}

export const agentUnit = 'io-guardian.service'
const coordinatorUnit = 'io-guardian-coordinator.service'
export const guarded = (size: number) => `guarded-${size}`
export const floor = (size: number) => `floor-${size}`
/** The target and everything that hangs on it, as the honest floor names them. */
export const unitsOfFloor = (size: number) => [`${floor(size)}.target`, ...dependentsOf(floor(size), size)]

const dependentsOf = (target: string, size: number) =>
  Array.from({ length: size }, (_, at) => `${target}-${at}.service`)

/** With a target of each size, and its twin. */
export async function raiseHost(program: readonly string[], sizes: readonly number[]): Promise<BenchHost> {
  const root = await mkdtemp(join(tmpdir(), 'gb-'))
  const manager = await startManager({ name: 'bench', root: join(root, 'h') })
  const environment = { ...manager.environment, GUARDIAN_SOCKET: join(manager.runDir, 'coordinator/api.sock') }
  const host: BenchHost = {
    manager,
    program,
    environment,
    ctl: (...args) => timed({ argv: [...program, 'ctl', ...args], env: environment }),
    systemctl: (...args) => timed({ argv: ['systemctl', '--user', ...args], env: environment }),
    pidOf: async (unit) => Number(await manager.show(unit, 'MainPID')),
    async [Symbol.asyncDispose]() {
      await manager.stop()
      await rm(root, { recursive: true, force: true })
    },
  }
  try {
    await layOut(host, sizes)
    await manager.systemctl('start', coordinatorUnit, agentUnit)
    const targets = sizes.flatMap((size) => [guarded(size), floor(size)]).map((name) => `${name}.target`)
    await manager.systemctl('start', '--no-block', ...targets)
    for (const target of targets) {
      const isActive = async () => (await manager.show(target, 'ActiveState')) === 'active'
      await until(`${target} is active`, isActive, { limitMs: 60_000, everyMs: 50 })
    }
    return host
  } catch (cause) {
    const said = await Promise.all([agentUnit, coordinatorUnit].map((unit) => manager.log(unit)))
    await host[Symbol.asyncDispose]()
    throw new Error(`the host of the bench did not come up:\n${said.join('')}`, { cause })
  }
}

async function layOut({ manager, program }: BenchHost, sizes: readonly number[]): Promise<void> {
  const place = { address: loopbackAddress(), port: 0 }
  const listen = { ...place, port: await freePort(place.address) }
  const at = (name: string) => join(manager.root, name)
  const dirs = { stateDir: join(manager.stateDir, 'a'), runtimeDir: join(manager.runDir, 'agent') }
  const own = {
    stateDir: join(manager.stateDir, 'c'),
    runtimeDir: join(manager.runDir, 'coordinator'),
    gateDir: join(manager.runDir, 'g'),
  }
  for (const each of [dirs.stateDir, own.stateDir, own.gateDir]) await mkdir(each, { recursive: true })
  const fleetKey = generateKey()
  const [key] = parseKeys(fleetKey, 'the fleet key')
  await writeFile(at('fleet-key'), `${fleetKey}\n`, { mode: 0o600 })
  await writeFile(at('host-key'), `${key?.derive('web1').line()}\n`, { mode: 0o600 })
  const targets = sizes.map((size) => [guarded(size), { unit: `${guarded(size)}.target`, needs: [] }] as const)
  const agent = {
    ...dirs,
    host: 'web1',
    listen,
    bus: manager.bus,
    pskFile: at('host-key'),
    targets: Object.fromEntries(targets),
  }
  const coordinator = {
    ...own,
    pskFile: at('fleet-key'),
    keys: 'derived',
    hosts: { web1: listen },
    targets: Object.fromEntries(sizes.map((size) => [guarded(size), { needs: [] }])),
  }
  await writeFile(at('agent.json'), JSON.stringify(agent))
  await writeFile(at('coordinator.json'), JSON.stringify(coordinator))
  for (const [unit, runtime] of [
    [agentUnit, 'agent'],
    [coordinatorUnit, 'coordinator'],
  ] as const) {
    const command = [...program, runtime, '--config', at(`${runtime}.json`)]
    await manager.writeUnit(unit, daemonUnit({ unit, command, runtime }))
  }
  for (const size of sizes) {
    const wait = (target: string) => [...program, 'wait', '--config', at('agent.json'), '--target', target].join(' ')
    await writeGraph(manager, { target: guarded(size), stateDir: dirs.stateDir, wait: wait(guarded(size)), size })
    await writeGraph(manager, { target: floor(size), stateDir: dirs.stateDir, wait: '/bin/true', size })
  }
}

async function writeGraph(
  manager: Manager,
  graph: { readonly target: string; readonly stateDir: string; readonly wait: string; readonly size: number },
): Promise<void> {
  const { size, ...rest } = graph
  await manager.writeGraph({ ...rest, dependents: dependentsOf(graph.target, size).map((unit) => ({ unit })) })
}
