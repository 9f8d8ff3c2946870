import t from 'tap'
import { type Style, widthOf, plain as withoutColour } from '../../../ctl/render/style.ts'
import { endingLines } from '../../../ctl/rollout/render/ending.ts'
import { tailLines } from '../../../ctl/rollout/render/events.ts'
import { pictureLines } from '../../../ctl/rollout/render/picture.ts'
import { planLines } from '../../../ctl/rollout/render/plan.ts'
import { clockSpan } from '../../../ctl/rollout/render/words.ts'
import type { RolloutStatus } from '../../../protocol/rollout/api.ts'
import { lineOf, rolloutOf, stageOf } from '../../fakes/rollout-status.ts'
import { matchGolden } from '../golden.ts'
import {
  approval,
  canary,
  hundred,
  pausedAfterFailure,
  planLog,
  plannedBlocked,
  planning,
  rollingBack,
  succeededWithSkipped,
} from './pictures.ts'

const live = (style: Style, status: RolloutStatus): readonly string[] =>
  pictureLines(style, status, { aheadMs: 1_000, rows: 24 })

const tail = Array.from({ length: 3 }, (_, at) => lineOf(at, 'web3', `app.service: line ${at} of what it said\u0007`))
const pictures: readonly (readonly [name: string, draw: (style: Style) => readonly string[]])[] = [
  ['planning', (style) => live(style, planning)],
  ['planned-blocked', (style) => planLines(style, plannedBlocked, planLog)],
  ['canary', (style) => live(style, canary)],
  ['approval', (style) => endingLines(style, approval)],
  [
    'paused-after-failure',
    (style) => [
      ...tailLines(style, 'web3', tail, 'guardian ctl rollout logs r17 web3'),
      ...endingLines(style, pausedAfterFailure),
    ],
  ],
  ['rolling-back', (style) => live(style, rollingBack)],
  ['succeeded-with-skipped', (style) => endingLines(style, succeededWithSkipped)],
  ['hundred-hosts', (style) => live(style, hundred)],
]

/** A command is never broken, however long it is. */
const mayBeWide = (line: string): boolean => /guardian ctl/.test(line)

for (const [name, draw] of pictures) {
  for (const columns of [80, 120]) {
    t.test(`${name} on ${columns} columns`, async (t) => {
      const lines = draw({ columns, color: false, unicode: true })
      await matchGolden(t, `rollout-${name}-${columns}`, lines)
      for (const line of lines) if (!mayBeWide(line)) t.ok(widthOf(line) <= columns, `not too wide: ${line}`)
      const painted = draw({ columns, color: true, unicode: true })
      t.match(painted.join('\n'), '\u001b[', 'in colour')
      t.strictSame(painted.map(withoutColour), lines, 'colour changes nothing but colour')
    })
  }
}

t.test('a live picture fits on the terminal', async (t) => {
  for (const rows of [12, 24, 50])
    t.ok(pictureLines({ columns: 80, color: false, unicode: false }, hundred, { aheadMs: 0, rows }).length < rows)
})

t.test('of many stages the one that it has come to is shown, and the next', async (t) => {
  const stages = Array.from({ length: 20 }, (_, at) =>
    stageOf(`s${at}`, at < 9 ? 'done' : at === 9 ? 'soaking' : 'pending', { leftMs: at === 9 ? 75_000 : null }),
  )
  const lines = live({ columns: 80, color: false, unicode: true }, rolloutOf('running', { stages, hosts: [] }))
  t.strictSame(lines.slice(1), [
    '  8 stages before, done',
    '  s8   done     1/1 done',
    '  s9   soaking  0/1 done, 1:14 left',
    '  s10  pending  1 host',
    '  s11  pending  1 host',
    '  8 stages after',
  ])
})

t.test('a hook is told of while it runs and where it has failed', async (t) => {
  const hooks = [
    { name: 'backup', reversible: true, is: 'done' as const },
    { name: 'migrate', reversible: false, is: 'failed' as const },
  ]
  const status = rolloutOf('paused', {
    stages: [stageOf('db', 'waiting', { hooks, reason: 'hook migrate: exit 1' })],
    hosts: [],
  })
  t.strictSame(live({ columns: 80, color: false, unicode: true }, status).slice(1), [
    '  migrate  failed   hook before db, no way back after it',
    '  db       waiting  0/1 done: hook migrate: exit 1',
  ])
})

t.test('clocks', async (t) => {
  t.strictSame([0, 14_999, 723_000, 3_723_000].map(clockSpan), ['0:00', '0:14', '12:03', '1:02:03'])
})
