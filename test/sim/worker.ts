import { parentPort, workerData } from 'node:worker_threads'
import * as v from 'valibot'
import { realCores } from './cores.ts'
import { runSeed } from './run.ts'

// Runs every `step`th seed of a range and tells of each; the seeds of all workers together are the whole range.
const order = v.parse(v.object({ first: v.number(), end: v.number(), step: v.number() }), workerData)

for (let seed = order.first; seed < order.end; seed += order.step) {
  const { violation, trace, events, seconds } = runSeed(seed, realCores)
  parentPort?.postMessage({ seed, events, seconds, found: violation?.message ?? null, trace })
}
