import t from 'tap'
import { progressLines, settledLine } from '../../../ctl/render/progress.ts'
import { type Style, widthOf } from '../../../ctl/render/style.ts'
import { type SummaryView, summaryLines } from '../../../ctl/render/summary.ts'
import { type HostProgress, progressStates } from '../../../protocol/api.ts'
import { progressOf } from '../../fakes/fleet-status.ts'
import { matchGolden } from '../golden.ts'

const plain = (columns: number): Style => ({ columns, color: false, unicode: false })

const three: readonly HostProgress[] = [
  progressOf('web1', 'done'),
  progressOf('web2', 'moving', { units: ['app.service', 'worker@1.service'] }),
  progressOf('web7', 'waiting', { reason: 'for the hosts of an earlier wave' }),
]
const hundred: readonly HostProgress[] = Array.from({ length: 100 }, (_, at) => {
  if (at < 70) return progressOf(`web${at}`, 'done')
  if (at === 70) return progressOf('web70', 'unreachable', { reason: 'connect ETIMEDOUT 198.18.0.70:9876' })
  return progressOf(`web${at}`, at % 2 === 0 ? 'moving' : 'waiting', { units: at % 2 === 0 ? ['app.service'] : [] })
})
const sets: readonly (readonly [name: string, hosts: readonly HostProgress[]])[] = [
  ['one-host', [progressOf('web1', 'moving', { units: ['app.service'] })]],
  ['three-hosts', three],
  ['hundred-hosts', hundred],
]

for (const [name, hosts] of sets) {
  for (const columns of [80, 120]) {
    t.test(`live: ${name} on ${columns} columns and 24 rows`, async (t) => {
      const lines = progressLines(plain(columns), { want: 'drained', hosts, elapsedMs: 1_234 }, 24)
      await matchGolden(t, `live-${name}-${columns}`, lines)
      t.ok(lines.length < 24, 'fits')
      t.ok(
        lines.every((line) => widthOf(line) <= columns),
        'is not too wide',
      )
    })
  }
}

t.test('a line for each state', async (t) => {
  const lines = (['drained', 'open'] as const).flatMap((want) =>
    progressStates.map((is) => settledLine(plain(80), want, progressOf('web1', is, { reason: 'why' }), is === 'done')),
  )
  await matchGolden(t, 'settled-lines', lines)
})

const view: SummaryView = {
  want: 'drained',
  hosts: [progressOf('web1', 'done')],
  elapsedMs: 1_234,
  hold: '3f2a90c1aaaaaaaaaaaaaaaaaaaaaaaa',
  persisted: true,
  superseded: false,
  trustV1: false,
  direct: false,
}
const good = Array.from({ length: 12 }, (_, at) => progressOf(`web${at}`, 'done'))
const endings: readonly (readonly [name: string, view: SummaryView])[] = [
  ['one-done', view],
  [
    'one-unreachable',
    { ...view, hosts: [...good, progressOf('web12', 'unreachable', { reason: 'connect ECONNREFUSED' })] },
  ],
  [
    'one-of-each',
    {
      ...view,
      hosts: progressStates.map((is, at) =>
        progressOf(`web${at}`, is, { reason: is === 'done' ? '' : `reason ${at}` }),
      ),
    },
  ],
  ['failed-unit', { ...view, hosts: [progressOf('web1', 'done', { reason: 'ended failed: app.service' })] }],
  ['not-saved', { ...view, persisted: false }],
  ['superseded', { ...view, superseded: true }],
  ['v1-trusted', { ...view, trustV1: true, hosts: [progressOf('db1', 'acknowledged')] }],
  ['v1', { ...view, hosts: [progressOf('db1', 'acknowledged')] }],
  [
    'undrain-held',
    { ...view, want: 'open', hold: null, hosts: [progressOf('web1', 'held', { reason: 'gate:redis (redis/0/1)' })] },
  ],
  [
    'undrain-late',
    { ...view, want: 'open', hold: null, hosts: [progressOf('web1', 'waiting', { reason: 'redis: LOADING' })] },
  ],
  [
    'direct',
    { ...view, direct: true, hosts: [...good, progressOf('web12', 'unreachable'), progressOf('web13', 'failed')] },
  ],
  [
    'two-targets',
    {
      ...view,
      hosts: [
        progressOf('web1', 'done'),
        progressOf('web1', 'deadline', { target: 'io-storage', units: ['a.service'] }),
      ],
    },
  ],
]
for (const [name, ending] of endings) {
  t.test(`the last words: ${name}`, async (t) => matchGolden(t, `summary-${name}`, summaryLines(plain(80), ending)))
}
