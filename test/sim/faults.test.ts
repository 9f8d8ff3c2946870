import t from 'tap'
import { bundleWorker } from './bundle.ts'
import { runSeeds, type Told } from './crew.ts'
import { type Fault, faults } from './faults.ts'

const seedsMax = 10_000

t.setTimeout(900_000)

for (const fault of faults) {
  t.test(fault.name, async (t) => {
    const found = await firstFind(fault)
    t.ok(found, `found within ${seedsMax} seeds`)
    t.comment(found === null ? 'not found' : `seed ${found.seed}: ${found.found}`)
  })
}

async function firstFind(fault: Fault): Promise<Told | null> {
  await using bundle = await bundleWorker(fault)
  const finds: Told[] = []
  await runSeeds(bundle.file, { first: 1, count: seedsMax, jobs: 2 }, (told) => {
    if (told.found !== null) finds.push(told)
    return told.found === null
  })
  return finds[0] ?? null
}
