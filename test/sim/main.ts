import { parseArgs } from 'node:util'
import { bundleWorker } from './bundle.ts'
import { realCores } from './cores.ts'
import { runSeeds } from './crew.ts'
import { runSeed } from './run.ts'

const usage = 'npm run sim -- [--seeds N] [--seed S] [--jobs J] [--verbose]'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    verbose: { type: 'boolean', default: false },
  },
})

const first = whole(values.seed ?? '1')
const count = whole(values.seeds ?? (values.seed === undefined ? '1000' : '1'))
if (count === 1) replay(first, values.verbose)
else await runMany(whole(values.jobs))

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`${JSON.stringify(text)} is not a whole number: ${usage}`)
  return Number(text)
}

function replay(seed: number, isVerbose: boolean): void {
  const { violation, trace } = runSeed(seed, realCores, isVerbose ? console.log : null)
  if (violation === null) {
    console.log(`seed ${seed}: clean`)
    return
  }
  if (!isVerbose) console.log(trace.join('\n'))
  console.log(`seed ${seed}: ${violation.message}`)
  process.exitCode = 1
}

async function runMany(jobs: number): Promise<void> {
  await using bundle = await bundleWorker(null)
  const began = performance.now()
  let done = 0
  let seconds = 0
  let events = 0
  await runSeeds(bundle.file, { first, count, jobs }, (told) => {
    done += 1
    seconds += told.seconds
    events += told.events
    if (told.found === null) return true
    console.log(`${told.trace.join('\n')}\nseed ${told.seed}: ${told.found}`)
    console.log(`replay it: npm run sim -- --seed ${told.seed} --verbose`)
    process.exitCode = 1
    return false
  })
  const tookS = (performance.now() - began) / 1_000
  const each = `${Math.round(events / done)} events and ${Math.round(seconds / done)} s of a fleet's life each`
  console.log(`${done} seeds in ${tookS.toFixed(1)} s: ${Math.round(done / tookS)} seeds per second, ${each}`)
}
