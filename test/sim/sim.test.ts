import t from 'tap'
import { bundleWorker } from './bundle.ts'
import { runSeeds, type Told } from './crew.ts'

const count = 2_000

t.setTimeout(600_000)

t.test('every promise holds in every seed', async (t) => {
  await using bundle = await bundleWorker(null)
  const found: Told[] = []
  let done = 0
  await runSeeds(bundle.file, { first: 1, count, jobs: 2 }, (told) => {
    done += 1
    if (told.found !== null) found.push(told)
    return told.found === null
  })
  for (const { seed, found: what, trace } of found) t.fail(`seed ${seed}: ${what}`, { trace })
  t.equal(done, count)
  t.comment(`${done} seeds`)
})
