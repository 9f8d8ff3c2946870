import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { generateKey } from '../protocol/keys.ts'
import { fakeAddress } from '../test/fakes/v2-agent.ts'
import { freePort } from '../test/hosts/addresses.ts'
import { until } from '../test/hosts/until.ts'
import { type Figure, figureOf } from './figure.ts'
import { memoryOf, startWorker, timed, type Worker } from './program.ts'

export interface FleetBench {
  readonly agents: number
  readonly runs: number
  /** How guardian is run. */
  readonly program: readonly string[]
  readonly worker: (name: string) => string
  /** The command of the one-shot v1 client, without its arguments. */
  readonly v1Client: readonly string[]
}

/** One drain over `agents` simulated agents whose links are up, beside a one-shot v1 client of as many. */
export async function fleetFigure(bench: FleetBench): Promise<Figure> {
  await using ground = await layOut(bench.agents)
  const node = (name: string, ...args: readonly string[]) => ({ argv: [process.execPath, bench.worker(name), ...args] })
  await using servers = await startWorker(node('v1-servers', ground.keyFile))
  await using agents = await startWorker(node('v2-agents', `${bench.agents}`, `${ground.port}`, ground.keyFile))
  const v1Port = await servers.line()
  await agents.line()
  await using _coordinator = await startCoordinator(bench, ground)
  await linked(ground, bench.agents)
  const ctl = (...args: readonly string[]) =>
    timed({ argv: [...bench.program, 'ctl', ...args], env: { ...process.env, GUARDIAN_SOCKET: ground.socket } })
  const v1 = (action: string) => timed({ argv: [...bench.v1Client, `${bench.agents}`, v1Port, ground.keyFile, action] })
  const values: number[] = []
  const references: number[] = []
  for (let run = -1; run < bench.runs; run += 1) {
    const referenceMs = await v1('drain')
    const valueMs = await ctl('drain', '--yes', '-m', 'bench')
    await ctl('undrain')
    // The first run warms both sides.
    if (run < 0) continue
    references.push(referenceMs)
    values.push(valueMs)
  }
  return figureOf(`fleet_${bench.agents}`, { values, references })
}

const settleMs = 8_000

/** Private memory of a coordinator with its links up less that before them, for each, beside bare links. */
export async function linkFigure(bench: FleetBench): Promise<Figure> {
  const values: number[] = []
  const references: number[] = []
  for (let run = 0; run < bench.runs; run += 1) {
    await using ground = await layOut(bench.agents)
    const args = [`${bench.agents}`, `${ground.port}`, ground.keyFile]
    const startAgents = () => startWorker({ argv: [process.execPath, bench.worker('v2-agents'), ...args] })
    await using coordinator = await startCoordinator(bench, ground)
    await answering(ground)
    values.push(
      await grownKb(coordinator, bench.agents, async (stack) => {
        const agents = stack.use(await startAgents())
        await agents.line()
        await linked(ground, bench.agents)
      }),
    )
    await coordinator[Symbol.asyncDispose]()
    await using bare = await startWorker({ argv: [process.execPath, bench.worker('bare-links'), ...args] })
    await bare.line()
    references.push(
      await grownKb(bare, bench.agents, async (stack) => {
        const agents = stack.use(await startAgents())
        await agents.line()
        bare.signal('SIGUSR2')
        await bare.line()
      }),
    )
  }
  return figureOf('link_kb', { values, references })
}

interface Stack {
  use(worker: Worker): Worker
}

async function grownKb(worker: Worker, links: number, link: (stack: Stack) => Promise<void>): Promise<number> {
  const opened: Worker[] = []
  try {
    await pause(settleMs)
    const before = await memoryOf(worker.pid)
    await link({
      use: (one) => {
        opened.push(one)
        return one
      },
    })
    await pause(settleMs)
    const after = await memoryOf(worker.pid)
    return ((after.privateMb - before.privateMb) * 1_024) / links
  } finally {
    for (const one of opened) await one[Symbol.asyncDispose]()
  }
}

// Nothing can be waited for here: memory is to be read after a while in which nothing happened.
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

interface Ground extends AsyncDisposable {
  readonly keyFile: string
  readonly configFile: string
  readonly socket: string
  readonly port: number
}

async function layOut(agents: number): Promise<Ground> {
  const root = await mkdtemp(join(tmpdir(), 'guardian-bench-'))
  const [keyFile, configFile, runtimeDir] = [join(root, 'psk'), join(root, 'coordinator.json'), join(root, 'run')]
  const port = await freePort('127.0.0.1')
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
  }
  await writeFile(configFile, JSON.stringify(config))
  return {
    keyFile,
    configFile,
    socket: join(runtimeDir, 'api.sock'),
    port,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  }
}

function startCoordinator({ program }: FleetBench, { configFile }: Ground): Promise<Worker> {
  return startWorker({ argv: [...program, 'coordinator', '--config', configFile] })
}

const status = v.object({ hosts: v.array(v.object({ connected: v.boolean() })) })

async function answering({ socket }: Ground): Promise<number> {
  return until('the coordinator answers', () => connected(socket).catch(() => false), { everyMs: 100 })
}

async function linked({ socket }: Ground, agents: number): Promise<void> {
  const isLinked = async () => (await connected(socket).catch(() => 0)) === agents
  await until(`${agents} links are up`, isLinked, { limitMs: 120_000, everyMs: 250 })
}

function connected(socketPath: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: '/v1/status' }, (answer) => {
      const chunks: string[] = []
      answer.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
      answer.on('end', () => {
        const read = v.safeParse(status, parse(chunks.join('')))
        if (read.success) resolve(read.output.hosts.filter((host) => host.connected).length)
        else reject(new Error(`status ${answer.statusCode}`))
      })
    })
    asking.on('error', reject)
    asking.end()
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
