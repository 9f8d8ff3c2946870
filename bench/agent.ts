import { type Figure, figureOf, newRuns } from './figure.ts'
import { agentUnit, type BenchHost, guarded } from './host.ts'
import { memoryOf, processorMsOf, startWorker, timed } from './program.ts'

// Memory and processor time are read after, or over, a time in which nothing happens.
const settleMs = 5_000
/** After which the collector has been everywhere. */
const restMs = 40_000
const idleMs = 60_000
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Memory of a fresh agent with its link up, and how long it took to say that it is ready. */
export async function freshFigures(host: BenchHost, bareNode: string, runs: number): Promise<readonly Figure[]> {
  const privates = newRuns()
  const residents = newRuns()
  const ready = newRuns()
  for (let run = 0; run < runs; run += 1) {
    ready.references.push(await timed({ argv: [process.execPath, '-e', '0'] }))
    await host.manager.systemctl('restart', agentUnit)
    ready.values.push(await readyMs(host))
    await using bare = await startWorker({ argv: [process.execPath, bareNode] })
    await bare.line()
    await pause(settleMs)
    const [agent, node] = await Promise.all([memoryOf(await host.pidOf(agentUnit)), memoryOf(bare.pid)])
    privates.values.push(agent.privateMb)
    privates.references.push(node.privateMb)
    residents.values.push(agent.residentMb)
    residents.references.push(node.residentMb)
  }
  return [
    figureOf('agent_private_mb', privates),
    figureOf('agent_rss_mb', residents),
    figureOf('agent_ready_ms', ready),
  ]
}

/** From the start of its process to READY, by systemd's own clock. */
async function readyMs({ manager }: BenchHost): Promise<number> {
  const at = async (property: string) => Number(await manager.show(agentUnit, property)) / 1_000
  return (await at('ActiveEnterTimestampMonotonic')) - (await at('ExecMainStartTimestampMonotonic'))
}

/** Processor time of an agent to which nothing happens, beside a process that only has a timer. */
export async function idleFigure(host: BenchHost, bareNode: string): Promise<Figure> {
  await using bare = await startWorker({ argv: [process.execPath, bareNode] })
  await bare.line()
  await pause(settleMs)
  const pids = [await host.pidOf(agentUnit), bare.pid] as const
  const before = await Promise.all(pids.map(processorMsOf))
  await pause(idleMs)
  const after = await Promise.all(pids.map(processorMsOf))
  const [agentMs = Number.NaN, bareMs = Number.NaN] = after.map((ms, at) => ms - (before[at] ?? Number.NaN))
  return figureOf('agent_idle_cpu_ms', { values: [agentMs], references: [bareMs] })
}

/** What an agent keeps of 40 drains of 50 units. */
export async function growthFigure(host: BenchHost, runs: number): Promise<Figure> {
  const kept = newRuns()
  for (let run = 0; run < runs; run += 1) {
    await host.manager.systemctl('restart', agentUnit)
    await pause(restMs)
    const pid = await host.pidOf(agentUnit)
    const before = await memoryOf(pid)
    for (let drain = 0; drain < 40; drain += 1) {
      await host.ctl('drain', guarded(50), '--yes', '-m', 'bench')
      await host.ctl('undrain', guarded(50))
    }
    await pause(restMs)
    const after = await memoryOf(pid)
    kept.values.push(after.privateMb - before.privateMb)
    kept.references.push(before.privateMb)
  }
  return figureOf('agent_growth_mb', kept)
}
