import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiClient, createApiClient, pathWith } from '../daemon/api-client.ts'
import { randomId } from '../daemon/clock.ts'
import { drainAnswer, fleetStatus, progressAnswer } from '../protocol/api.ts'
import { generateKey } from '../protocol/keys.ts'
import { fakeAddress } from '../test/fakes/v2-agent.ts'
import { freePort } from '../test/hosts/addresses.ts'
import { until } from '../test/hosts/until.ts'
import { type Figure, figureOf, median, newRuns } from './figure.ts'
import { memoryOf, startWorker, timed, type Worker } from './program.ts'

export interface FleetBench {
  readonly agents: number
  readonly runs: number
  /** How guardian is run. */
  readonly program: readonly string[]
  readonly worker: (name: string) => string
  /** The command of the one-shot v1 client, without its arguments. */
  readonly v1Client: readonly string[]
  readonly tell: (line: string) => void
}

/** One drain over `agents` simulated agents whose links are up, beside a one-shot v1 client of as many. */
export async function fleetFigure(bench: FleetBench): Promise<Figure> {
  await using ground = await layOut(bench.agents)
  const node = (name: string, ...args: readonly string[]) => ({ argv: [process.execPath, bench.worker(name), ...args] })
  await using servers = await startWorker(node('v1-servers', ground.keyFile))
  await using _agents = await startAgents(bench, ground)
  const v1Port = await servers.line()
  await using _coordinator = await startCoordinator(bench, ground)
  await linked(ground, bench.agents)
  const env = { ...process.env, GUARDIAN_SOCKET: ground.socket }
  const ctl = (...args: readonly string[]) => timed({ argv: [...bench.program, 'ctl', ...args], env })
  const v1 = () => timed({ argv: [...bench.v1Client, `${bench.agents}`, v1Port, ground.keyFile, 'drain'] })
  const { values, references } = newRuns()
  const commands: number[] = []
  for (let run = -1; run < bench.runs; run += 1) {
    const referenceMs = await v1()
    const valueMs = await drainMs(ground.api)
    await ctl('undrain')
    const commandMs = await ctl('drain', '--yes', '-m', 'bench')
    await ctl('undrain')
    // The first run warms both sides.
    if (run < 0) continue
    references.push(referenceMs)
    values.push(valueMs)
    commands.push(commandMs)
  }
  bench.tell(`as a command of its own, guardian ctl drain takes ${median(commands).toFixed(0)} ms`)
  return figureOf(`fleet_${bench.agents}`, { values, references })
}

/** From the order to the word that every host is drained. */
async function drainMs(api: ApiClient): Promise<number> {
  const startedMs = performance.now()
  const { hold } = await api.post('/v1/drain', { operator: 'bench', id: randomId() }, drainAnswer)
  for await (const { value } of api.follow(pathWith('/v1/progress', { want: 'drained', hold }), progressAnswer)) {
    if (!value.settled) continue
    const missing = value.hosts.filter((host) => host.is !== 'done')
    if (missing.length > 0) throw new Error(`${missing.length} hosts are not drained, ${missing[0]?.host} is not`)
    return performance.now() - startedMs
  }
  throw new Error('the coordinator told no end')
}

const settleMs = 10_000

/** Private memory of a coordinator with its links up less that of one without hosts, for each link, beside bare links. */
export async function linkFigure(bench: FleetBench): Promise<Figure> {
  const { values, references } = newRuns()
  for (let run = 0; run < bench.runs; run += 1) {
    const empty = await coordinatorMb({ ...bench, agents: 0 })
    values.push(((await coordinatorMb(bench)) - empty) / bench.agents)
    const unlinked = await bareLinksMb(bench, 0)
    references.push(((await bareLinksMb(bench, bench.agents)) - unlinked) / bench.agents)
  }
  const inKb = (megabytes: readonly number[]) => megabytes.map((each) => each * 1_024)
  return figureOf('link_kb', { values: inKb(values), references: inKb(references) })
}

async function coordinatorMb(bench: FleetBench): Promise<number> {
  await using ground = await layOut(bench.agents)
  await using _agents = await startAgents(bench, ground)
  await using coordinator = await startCoordinator(bench, ground)
  await linked(ground, bench.agents)
  await pause(settleMs)
  return (await memoryOf(coordinator.pid)).privateMb
}

async function bareLinksMb(bench: FleetBench, links: number): Promise<number> {
  await using ground = await layOut(bench.agents)
  await using _agents = await startAgents(bench, ground)
  const argv = [process.execPath, bench.worker('bare-links'), `${links}`, `${ground.port}`, ground.keyFile]
  await using worker = await startWorker({ argv })
  await worker.line()
  await pause(settleMs)
  return (await memoryOf(worker.pid)).privateMb
}

async function startAgents(bench: FleetBench, { port, keyFile }: Ground): Promise<Worker> {
  const agents = await startWorker({
    argv: [process.execPath, bench.worker('v2-agents'), `${bench.agents}`, `${port}`, keyFile],
  })
  await agents.line()
  return agents
}

// Nothing can be waited for here: memory is to be read after a while in which nothing happened.
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export interface Ground extends AsyncDisposable {
  readonly keyFile: string
  readonly configFile: string
  readonly socket: string
  readonly api: ApiClient
  readonly port: number
}

export async function layOut(agents: number, more: object = {}): Promise<Ground> {
  const root = await mkdtemp(join(tmpdir(), 'guardian-bench-'))
  const [keyFile, configFile, runtimeDir] = [join(root, 'psk'), join(root, 'coordinator.json'), join(root, 'run')]
  const port = await freePort('127.0.0.1')
  const socket = join(runtimeDir, 'api.sock')
  await writeFile(keyFile, `${generateKey()}\n`, { mode: 0o600 })
  for (const each of ['run', 'state', 'gate']) await mkdir(join(root, each))
  const hosts = Array.from({ length: agents }, (_, at) => [`h${at}`, { address: fakeAddress(at), port }] as const)
  const config = {
    stateDir: join(root, 'state'),
    runtimeDir,
    gateDir: join(root, 'gate'),
    pskFile: keyFile,
    keys: 'derived',
    hosts: Object.fromEntries(hosts),
    targets: { 'io-databases': { needs: [] } },
    log: { level: 'error' },
    ...more,
  }
  await writeFile(configFile, JSON.stringify(config))
  return {
    keyFile,
    configFile,
    socket,
    api: createApiClient({ kind: 'socket', path: socket }),
    port,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  }
}

export function startCoordinator({ program }: Pick<FleetBench, 'program'>, { configFile }: Ground): Promise<Worker> {
  return startWorker({ argv: [...program, 'coordinator', '--config', configFile] })
}

async function linked({ api }: Ground, agents: number): Promise<void> {
  const isLinked = async () => {
    const { hosts } = await api.get('/v1/status', fleetStatus)
    return hosts.filter((host) => host.connected).length === agents
  }
  await until(`${agents} links are up`, () => isLinked().catch(() => false), { limitMs: 120_000, everyMs: 500 })
}
