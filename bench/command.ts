import { type Figure, figureOf, newRuns } from './figure.ts'
import type { BenchHost } from './host.ts'
import { timed } from './program.ts'

/** `guardian ctl status` beside a node that does nothing. */
export async function statusFigure(host: BenchHost, runs: number): Promise<Figure> {
  const { values, references } = newRuns()
  for (let run = -1; run < runs; run += 1) {
    const statusMs = await host.ctl('status')
    const nodeMs = await timed({ argv: [process.execPath, '-e', '0'], env: host.environment })
    if (run < 0) continue
    values.push(statusMs)
    references.push(nodeMs)
  }
  return figureOf('ctl_status', { values, references })
}
