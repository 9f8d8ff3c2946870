import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import * as v from 'valibot'
import type { AgentNote } from '../../agent/core/effect.ts'
import type { FleetNote } from '../../coordinator/core/effect.ts'
import { createJournalLog, journalFields, sentence } from '../../daemon/log.ts'
import { messageIds } from '../../daemon/message-ids.ts'
import { generateKey, Key } from '../../protocol/keys.ts'

const run = promisify(execFile)
const child = fileURLToPath(new URL('log-child.ts', import.meta.url))
const line = v.object({ level: v.number(), name: v.string(), msg: v.string() })

t.test('writes JSON lines where stderr is neither journal nor terminal', async (t) => {
  const { PATH = '' } = process.env
  const env = { PATH, JOURNAL_STREAM: '1:1' }
  const { stdout, stderr } = await run(process.execPath, ['--import=tsx', child], { env })
  t.equal(stdout, '')
  const lines = stderr
    .trim()
    .split('\n')
    .map((text) => v.parse(v.looseObject(line.entries), JSON.parse(text)))
  t.match(lines, [
    { level: 30, name: 'agent', event: 'drained', target: 'io-databases', host: 'web1', msg: 'drained' },
    { level: 50, name: 'agent', err: { message: 'the disk is full' }, msg: 'cannot persist' },
  ])
})

t.test('a journal entry can be found by its fields', async (t) => {
  const cases: readonly [fields: object, entry: object][] = [
    [
      { target: 'io', host: 'web1' },
      { GUARDIAN_TARGET: 'io', GUARDIAN_HOST: 'web1' },
    ],
    [
      { hold: 'h', resource: 'redis' },
      { GUARDIAN_HOLD: 'h', GUARDIAN_RESOURCE: 'redis' },
    ],
    [{ event: 'drained' }, { GUARDIAN_EVENT: 'drained', MESSAGE_ID: messageIds.drained }],
    [{ event: 'unheard-of' }, { GUARDIAN_EVENT: 'unheard-of', MESSAGE_ID: undefined }],
    [
      { roundTripMs: 3, units: ['a.service'], nothing: null },
      { GUARDIAN_ROUND_TRIP_MS: '3', GUARDIAN_UNITS: '["a.service"]' },
    ],
    [{ err: new Error('no') }, { GUARDIAN_ERR: /^Error: no\n/ }],
  ]
  for (const [fields, entry] of cases)
    t.match(journalFields({ ...fields }), { SYSLOG_IDENTIFIER: 'guardian', ...entry })
})

t.test('a journal entry reads well', async (t) => {
  t.equal(
    sentence('drained', { event: 'drained', target: 'io', host: 'web1', failed: [], text: '' }),
    'drained target=io host=web1 failed=[]',
  )
  t.equal(sentence('cannot persist', { err: new Error('disk full') }), 'cannot persist err="disk full"')
})

t.test('a journal entry has the fields of its logger’s line and of those that it is a child of', async (t) => {
  const entries: [priority: number, message: string, fields: object][] = []
  const log = createJournalLog((...entry) => void entries.push(entry), 'info')
  const child = log.child({ target: 'io', host: 'web1' })
  child.warn({ unit: 'a.service', host: 'web2' }, 'left processes behind')
  child.child({ resource: 'redis' }).info('up')
  log.info({ hold: 'h' }, 'released')
  t.strictSame(entries, [
    [
      4,
      'left processes behind target=io host=web2 unit=a.service',
      {
        SYSLOG_IDENTIFIER: 'guardian',
        GUARDIAN_TARGET: 'io',
        GUARDIAN_HOST: 'web2',
        GUARDIAN_UNIT: 'a.service',
      },
    ],
    [
      6,
      'up target=io host=web1 resource=redis',
      { SYSLOG_IDENTIFIER: 'guardian', GUARDIAN_TARGET: 'io', GUARDIAN_HOST: 'web1', GUARDIAN_RESOURCE: 'redis' },
    ],
    [6, 'released hold=h', { SYSLOG_IDENTIFIER: 'guardian', GUARDIAN_HOLD: 'h' }],
  ])
})

t.test('a key that is logged by mistake stays secret', async (t) => {
  const key = new Key(generateKey())
  for (const text of [sentence('x', { key }), JSON.stringify(journalFields({ key, keys: [key] }))]) {
    t.match(text, /\[secret\]/)
    t.notMatch(text, key.line())
  }
})

t.test('each kind of event has a message id of its own', async (t) => {
  const kinds = Object.keys({
    'hold-taken': true,
    'hold-released': true,
    'hold-adopted': true,
    'hold-expired': true,
    'hold-narrowed': true,
    'drain-started': true,
    drained: true,
    'opening-started': true,
    opened: true,
    'deadline-passed': true,
    breached: true,
    drifted: true,
    'not-persisted': true,
    refused: true,
    'claim-accepted': true,
    'v1-used': true,
    'job-ordered': true,
    'job-refused': true,
    'job-asked': true,
    'job-turned': true,
    'job-forgotten': true,
    'host-connected': true,
    'host-lost': true,
    'target-changed': true,
    'order-failed': true,
    'wave-started': true,
    'resource-ready': true,
    'resource-lost': true,
    'gate-up': true,
    'gate-down': true,
    superseded: true,
    'taken-over': true,
  } satisfies Record<AgentNote['what'] | FleetNote['what'], true>)
  for (const kind of kinds) t.match(messageIds[kind], /^[0-9a-f]{32}$/, kind)
  const ids = Object.values(messageIds)
  t.equal(new Set(ids).size, ids.length)
})
