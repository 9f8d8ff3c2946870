import { realCores } from './cores.ts'
import { runSeed } from './run.ts'

const [, , ...args] = process.argv
const option = (name: string, fallback: number) => {
  const at = args.indexOf(name)
  return at === -1 ? fallback : Number(args[at + 1])
}
const count = option('--seeds', 1000)
const first = option('--seed', 1)
const isVerbose = args.includes('--verbose')
const began = performance.now()
let bad = 0
let events = 0
let seconds = 0
for (let seed = first; seed < first + count; seed += 1) {
  const outcome = runSeed(seed, realCores, isVerbose ? console.log : null)
  events += outcome.events
  seconds += outcome.seconds
  if (outcome.violation !== null) {
    bad += 1
    console.log(`seed ${seed}: ${outcome.violation.message.slice(0, 300)}`)
    if (count === 1 && !isVerbose) console.log(outcome.trace.join('\n'))
  }
}
const s = (performance.now() - began) / 1000
console.log(
  `${count} seeds, ${bad} bad, ${(count / s).toFixed(0)} seeds/s, ${(events / count).toFixed(0)} events and ${(seconds / count).toFixed(0)} s each`,
)
