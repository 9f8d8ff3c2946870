import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installGuardian } from '../test/hosts/program.ts'
import { noLab } from '../test/lab/lab.ts'
import { freshFigures, growthFigure, idleFigure } from './agent.ts'
import { bundleWorkers } from './bundle.ts'
import { statusFigure } from './command.ts'
import type { Figure } from './figure.ts'
import { fleetFigure, linkFigure } from './fleet.ts'
import { goals } from './goals.ts'
import { type BenchHost, raiseHost } from './host.ts'
import { labFigures } from './lab.ts'
import { latencyFigures } from './latency.ts'
import { haltFigure, waveFigure } from './rollout.ts'
import { tableOf } from './table.ts'
import { v1Client } from './v1-client.ts'

const usage = `npm run bench -- [--json FILE] [--only KEY,KEY] [--runs N]
keys: ${goals.map(({ key }) => key).join(' ')}`

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    only: { type: 'string' },
    runs: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

const known = new Set(goals.map(({ key }) => key))
const wanted = new Set(options.only?.split(',') ?? known)
const figures = new Map<string, Figure>()
const isWanted = (...keys: readonly string[]) => keys.some((key) => wanted.has(key))
/** As many runs as were asked for, or what a figure needs to be steady. */
const runs = (usual: number) => (options.runs === undefined ? usual : Number(options.runs))

function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

function keep(...found: readonly Figure[]): void {
  for (const figure of found) {
    if (!wanted.has(figure.key)) continue
    figures.set(figure.key, figure)
    tell(`${figure.key}: ${figure.value} against ${figure.reference}, × ${figure.ratio}`)
  }
}

const sizes = [1, 10, 50]

async function measureLatency(host: BenchHost): Promise<void> {
  for (const size of sizes) {
    if (isWanted(`drain_${size}`, `undrain_${size}`)) keep(...(await latencyFigures(host, size, runs(11))))
  }
  if (isWanted('ctl_status')) keep(await statusFigure(host, runs(21)))
}

async function measureAgent(host: BenchHost, bareNode: string): Promise<void> {
  if (isWanted('agent_private_mb', 'agent_rss_mb', 'agent_ready_ms')) {
    keep(...(await freshFigures(host, bareNode, runs(5))))
  }
  if (isWanted('agent_idle_cpu_ms')) keep(await idleFigure(host, bareNode))
  if (isWanted('agent_growth_mb')) keep(await growthFigure(host, runs(3)))
}

async function measure(root: string): Promise<void> {
  const program = await installGuardian(join(root, 'guardian'))
  const worker = await bundleWorkers()
  const client = await v1Client(worker('v1-client'))
  const bench = { program, worker, v1Client: client.argv, tell }
  if (goals.some(({ key }) => wanted.has(key) && /^(drain|undrain|ctl)_/.test(key))) {
    await using host = await raiseHost(program, sizes)
    await measureLatency(host)
  }
  if (goals.some(({ key }) => wanted.has(key) && key.startsWith('agent_'))) {
    await using host = await raiseHost(program, [50])
    await measureAgent(host, worker('bare-node'))
  }
  for (const agents of [100, 1_000, 5_000]) {
    if (isWanted(`fleet_${agents}`)) keep(await fleetFigure({ ...bench, agents, runs: runs(7) }))
  }
  if (isWanted('link_kb')) keep(await linkFigure({ ...bench, agents: 1_000, runs: runs(3) }))
  if (goals.some(({ key }) => wanted.has(key) && key.startsWith('lab_'))) {
    if (noLab === false) keep(...(await labFigures({ isWanted, runs })))
    else tell(`lab_*: left out, for the lab ${noLab}`)
  }
  if (isWanted('rollout_wave')) keep(await waveFigure({ ...bench, runs: runs(5) }))
  if (isWanted('rollout_halt')) keep(await haltFigure({ ...bench, runs: runs(5) }))
  if ([...figures.keys()].some((key) => key.startsWith('fleet_')))
    tell(`the one-shot v1 client is the one in ${client.name}`)
}

// An exit handler ends the hosts; a signal alone would run none.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const unknown = [...wanted].filter((key) => !known.has(key))
if (options.help === true || unknown.length > 0) {
  process.stdout.write(`${unknown.length > 0 ? `unknown: ${unknown.join(', ')}\n` : ''}${usage}\n`)
  process.exitCode = unknown.length > 0 ? 2 : 0
} else {
  const root = await mkdtemp(join(tmpdir(), 'guardian-bench-'))
  await measure(root).finally(() => rm(root, { recursive: true, force: true }))
  process.stdout.write(`${tableOf(figures)}\n`)
  if (options.json !== undefined) {
    const byKey = [...figures].map(([key, { value, reference, ratio, runs }]) => [
      key,
      { value, reference, ratio, runs },
    ])
    await writeFile(options.json, `${JSON.stringify(Object.fromEntries(byKey), null, 2)}\n`)
  }
}
