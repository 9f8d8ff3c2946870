import t from 'tap'
import * as v from 'valibot'
import { duration, formatDuration, parseDuration } from '../../protocol/duration.ts'
import { seeded } from './seeded.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const parsed: readonly [text: string, ms: number | null][] = [
  ['0s', 0],
  ['250ms', 250],
  ['90s', 90 * second],
  ['5min', 5 * minute],
  ['5m', 5 * minute],
  ['2h', 2 * hour],
  ['1d', day],
  ['1h30m', 90 * minute],
  ['1h 30min 5s', 90 * minute + 5 * second],
  [' 90s ', 90 * second],
  ['1s1s', 2 * second],
  ['', null],
  [' ', null],
  ['90', null],
  ['s', null],
  ['-1s', null],
  ['1.5h', null],
  ['1w', null],
  ['1H', null],
  ['1s,', null],
  ['infinity', null],
]
for (const [text, ms] of parsed) t.equal(parseDuration(text), ms, `parse ${JSON.stringify(text)}`)

const formatted: readonly [ms: number, text: string][] = [
  [0, '0ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [1_499, '1s'],
  [1_500, '2s'],
  [59_499, '59s'],
  [59_500, '1min'],
  [61 * second, '1min1s'],
  [10 * minute, '10min'],
  [hour, '1h'],
  [hour + minute, '1h1min'],
  [47 * hour + 59 * minute, '47h59min'],
  [48 * hour, '2d'],
  [51 * hour, '2d3h'],
]
for (const [ms, text] of formatted) t.equal(formatDuration(ms), text, `format ${ms}`)

t.test('what is formatted is read back, rounded', async (t) => {
  const { seed, below } = seeded()
  t.comment(`GUARDIAN_SEED=${seed}`)
  for (let round = 0; round < 1_000; round += 1) {
    const ms = below(10 ** (1 + below(9)))
    const back = parseDuration(formatDuration(ms)) ?? Number.NaN
    const step = ms < second ? 1 : ms < hour ? second : ms < 48 * hour ? minute : hour
    if (!(Math.abs(back - ms) <= step)) t.fail(`${ms} became ${formatDuration(ms)}`)
  }
  t.pass('1000 spans')
})

t.test('in a file or a request', async (t) => {
  t.equal(v.parse(duration, '366d'), 366 * day)
  for (const wrong of ['367d', '90', 90, null, `${'9'.repeat(400)}d`]) t.equal(v.is(duration, wrong), false, `${wrong}`)
  const [issue] = v.safeParse(duration, '90').issues ?? []
  t.match(issue?.message, 'must be a duration such as "90s"')
})
