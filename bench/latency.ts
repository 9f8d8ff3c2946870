import { type Figure, figureOf, newRuns } from './figure.ts'
import { type BenchHost, floor, guarded, unitsOfFloor } from './host.ts'

/** Drain and undrain of a target through coordinator and agent, each beside systemctl on its twin. */
export async function latencyFigures(host: BenchHost, size: number, runs: number): Promise<readonly Figure[]> {
  const drain = newRuns()
  const undrain = newRuns()
  for (let run = -1; run < runs; run += 1) {
    // Else systemd's limit of starts would end the bench.
    await host.manager.systemctl('reset-failed', '*')
    const drainMs = await host.ctl('drain', guarded(size), '--yes', '-m', 'bench')
    const stopMs = await host.systemctl('stop', ...unitsOfFloor(size))
    const undrainMs = await host.ctl('undrain', guarded(size))
    const startMs = await host.systemctl('start', ...unitsOfFloor(size))
    // The first run warms both sides.
    if (run < 0) continue
    drain.values.push(drainMs)
    drain.references.push(stopMs)
    undrain.values.push(undrainMs)
    undrain.references.push(startMs)
  }
  await host.manager.systemctl('is-active', `${guarded(size)}.target`, `${floor(size)}.target`)
  return [figureOf(`drain_${size}`, drain), figureOf(`undrain_${size}`, undrain)]
}
