import t from 'tap'
import * as v from 'valibot'
import { v1Text } from '../../agent/adapters/door-v1.ts'
import { limits } from '../../protocol/limits.ts'
import {
  readV1,
  type V1Reading,
  v1Answer,
  v1AuthInvalid,
  v1AuthOk,
  v1InvalidJson,
  v1NotAuthenticated,
  v1Response,
} from '../../protocol/v1.ts'
import { isAsRecorded, readTranscripts } from '../golden/transcripts.ts'
import { seeded } from './seeded.ts'

const refused = (message: string): V1Reading => ({ is: 'refused', answer: { type: 'error', message } })

const readings: readonly [frame: string, reading: V1Reading][] = [
  ['{"type":"auth","key":"k"}', { is: 'auth', key: 'k' }],
  ['{"key":"k", "type": "auth", "more": 1}', { is: 'auth', key: 'k' }],
  ['{"type":"auth"}', { is: 'auth', key: '' }],
  ['{"type":"auth","key":5}', { is: 'auth', key: '' }],
  ['{"type":"command","action":"drain"}', { is: 'command', action: 'drain' }],
  ['{"type":"command","action":"undrain"}', { is: 'command', action: 'undrain' }],
  ['{"type":"command","action":"ping"}', { is: 'command', action: 'ping' }],
  ['{"type":"command","action":"DRAIN"}', refused('Unknown action: DRAIN')],
  ['{"type":"command","action":"constructor"}', refused('Unknown action: constructor')],
  ['{"type":"command"}', refused('Unknown action: None')],
  ['{"type":"command","action":null}', refused('Unknown action: None')],
  ['{"type":"command","action":5}', refused('Unknown action: 5')],
  ['{"type":"command","action":true}', refused('Unknown action: True')],
  ['{"type":"hello"}', refused('Unknown message type: hello')],
  ['{"type":false}', refused('Unknown message type: False')],
  ['{}', refused('Unknown message type: None')],
  ['[]', refused('Unknown message type: None')],
  ['null', refused('Unknown message type: None')],
  ['"drain"', refused('Unknown message type: None')],
  ['', refused('Invalid JSON')],
  ['{', refused('Invalid JSON')],
  ['drain', refused('Invalid JSON')],
  ['{"type":"ping"}{"type":"ping"}', refused('Invalid JSON')],
]
for (const [frame, reading] of readings) t.strictSame(readV1(frame), reading, frame)

t.strictSame(
  readV1(JSON.stringify({ type: 'a'.repeat(4_000) })),
  refused(`Unknown message type: ${'a'.repeat(limits.nameLength)}`),
  'a long type is not sent back whole',
)

t.test('the answers are written as they were recorded', async (t) => {
  const said = [
    ...[v1AuthOk, v1AuthInvalid, v1NotAuthenticated, v1InvalidJson, v1Response('ping', 'ok', 'pong')],
    ...[v1Response('drain', 'ok', 'drained'), v1Response('undrain', 'ok', 'open')],
    ...['restart', 'None', '5'].map((action) => ({ type: 'error' as const, message: `Unknown action: ${action}` })),
    ...['subscribe', 'None'].map((type) => ({ type: 'error' as const, message: `Unknown message type: ${type}` })),
  ].map(v1Text)
  const transcripts = await readTranscripts('k'.repeat(32))
  t.ok(transcripts.length > 5, 'there are transcripts')
  for (const { name, lines } of transcripts) {
    for (const line of lines) {
      if (line.who !== 'server') continue
      t.ok(
        said.some((text) => isAsRecorded(line.text, text)),
        `${name}: ${line.text}`,
      )
      t.doesNotThrow(() => v.parse(v1Answer, JSON.parse(line.text)), 'and guardian as a client reads it')
    }
  }
})

t.equal(
  v1Text({ type: 'error', message: 'Unknown action: "ü\\\n💾' }),
  '{"type": "error", "message": "Unknown action: \\"\\u00fc\\\\\\n\\ud83d\\udcbe"}',
  'as Python writes it: blanks after colon and comma, nothing beyond ASCII',
)

t.test('whatever arrives, it is read as something', async (t) => {
  const { seed, below } = seeded()
  t.comment(`GUARDIAN_SEED=${seed}`)
  const bytes = '{}[]":,\\truefalsn0123456789 authcomdriypek\u0000é'
  for (let round = 0; round < 5_000; round += 1) {
    const frame = Array.from({ length: below(40) }, () => bytes[below(bytes.length)]).join('')
    if (!['auth', 'command', 'refused'].includes(readV1(frame).is)) t.fail(frame)
  }
  t.pass('5000 frames')
})
