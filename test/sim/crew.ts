import { Worker } from 'node:worker_threads'
import * as v from 'valibot'

const told = v.object({
  seed: v.number(),
  events: v.number(),
  seconds: v.number(),
  found: v.nullable(v.string()),
  trace: v.array(v.string()),
})
/** What became of one seed. */
export type Told = v.InferOutput<typeof told>

export interface Range {
  readonly first: number
  readonly count: number
  readonly jobs: number
}

/** Runs a range of seeds on several cores. `tell` hears of each seed and stops the rest by returning false. */
export async function runSeeds(file: string, range: Range, tell: (told: Told) => boolean): Promise<void> {
  const end = range.first + range.count
  const workers = Array.from({ length: range.jobs }, (_, index) => {
    const workerData = { first: range.first + index, end, step: range.jobs }
    return new Worker(file, { workerData, execArgv: [] })
  })
  const stop = () => {
    for (const worker of workers) void worker.terminate()
  }
  const ends = workers.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.on('message', (message) => {
          if (!tell(v.parse(told, message))) stop()
        })
        worker.on('error', reject)
        worker.on('exit', () => resolve())
      }),
  )
  await Promise.all(ends)
}
