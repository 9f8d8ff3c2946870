import { appendFile, chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readEntry } from '../../../agent/adapters/job-journal.ts'
import { createJobLogs } from '../../../agent/adapters/job-logs.ts'
import type { WantedLog } from '../../../agent/core/job-watch.ts'
import type { JobLog } from '../../../protocol/v2/job.ts'
import { until } from '../../hosts/until.ts'

const cursor = 's=6a1f;i=2a7;b=0c9e;m=1f4;t=63f;x=9c'
const time = {
  __CURSOR: cursor,
  __REALTIME_TIMESTAMP: '1764075600123456',
  __MONOTONIC_TIMESTAMP: '51234567',
  _BOOT_ID: '0c9e',
}

const entries: readonly [name: string, entry: unknown, text: string | null][] = [
  ['a line', { ...time, MESSAGE: 'restarting nginx.service' }, 'restarting nginx.service'],
  ['bytes that are no text', { ...time, MESSAGE: [27, 91, 51, 49, 109, 255] }, '\u001b[31m\ufffd'],
  ['a field that was given twice', { ...time, MESSAGE: ['one', 'two'] }, 'one two'],
  ['a field that is too large', { ...time, MESSAGE: null }, ''],
  ['no message at all', time, ''],
  ['a long line', { ...time, MESSAGE: 'x'.repeat(5_000) }, 'x'.repeat(2_000)],
  ['no cursor', { ...time, __CURSOR: undefined, MESSAGE: 'x' }, null],
  ['a time that is none', { ...time, __REALTIME_TIMESTAMP: 'now', MESSAGE: 'x' }, null],
  ['a word of journalctl', '-- Boot 0c9e --', null],
]
for (const [name, entry, text] of entries) {
  t.test(`an entry: ${name}`, async (t) => {
    const line = typeof entry === 'string' ? entry : JSON.stringify(entry)
    t.strictSame(readEntry(line), text === null ? null : { cursor, atMs: 1_764_075_600_123, text })
  })
}

// As Debian 13 gave it.
const recorded =
  '{"__MONOTONIC_TIMESTAMP":"19871578022","__SEQNUM":"89","_BOOT_ID":"a214e3b32952493c82329c5a097f48d3","MESSAGE":"activating /nix/store/22222222222222222222222222222222-nixos-system-web1-2","__REALTIME_TIMESTAMP":"1795616220064616","__CURSOR":"s=36d48b700bd14b2198474a3281aa7a1c;i=59;b=a214e3b32952493c82329c5a097f48d3;m=4a07037a6;t=6611a7af32b68;x=8016316c6d351461","__SEQNUM_ID":"36d48b700bd14b2198474a3281aa7a1c"}'

t.test('an entry that was recorded', async (t) => {
  t.strictSame(readEntry(recorded), {
    cursor:
      's=36d48b700bd14b2198474a3281aa7a1c;i=59;b=a214e3b32952493c82329c5a097f48d3;m=4a07037a6;t=6611a7af32b68;x=8016316c6d351461',
    atMs: 1_795_616_220_064,
    text: 'activating /nix/store/22222222222222222222222222222222-nixos-system-web1-2',
  })
})

t.test('what is no JSON at all is none', async (t) => t.equal(readEntry('{"MESSAGE":'), null))

const job = '4f6a2c8e0b1d3f5a7c9e1b3d5f7a9c0e'
const wanted: WantedLog = { job, link: 'c', after: { plan: null, switch: null }, hasPlan: false, journal: 'follow' }

/** A journal that a script plays: its entries are the lines of a file. */
async function journal(t: Test, script: string) {
  const dir = t.testdir({ entries: '', asked: '' })
  await writeFile(join(dir, 'journalctl'), `#!/bin/sh\ncd '${dir}'\necho "$*" >>asked\n${script}\n`)
  await chmod(join(dir, 'journalctl'), 0o755)
  const { PATH } = process.env
  process.env.PATH = `${dir}:${PATH}`
  const sent: JobLog[] = []
  const link = { unsent: 0 }
  const logs = createJobLogs({
    resultsDir: dir,
    send: (_link, log) => void sent.push(log),
    unsentBytes: () => link.unsent,
  })
  t.teardown(() => {
    logs[Symbol.dispose]()
    process.env.PATH = PATH
  })
  const say = (from: number, to: number) => {
    const numbers = Array.from({ length: to - from + 1 }, (_, at) => from + at)
    const texts = numbers.map((number) => JSON.stringify({ ...time, __CURSOR: `i=${number}`, MESSAGE: `${number}` }))
    return appendFile(join(dir, 'entries'), texts.map((text) => `${text}\n`).join(''))
  }
  return { dir, logs, sent, link, say, texts: () => sent.flatMap(({ lines }) => lines.map(({ text }) => text)) }
}

t.test('lines are sent together, as many as a message may have', async (t) => {
  const { logs, sent, say, texts } = await journal(t, 'exec tail -n +1 -f entries')
  await say(1, 45)
  logs.want([wanted])
  await until('all', () => texts().length === 45)
  t.ok(sent.every(({ lines }) => lines.length <= 20))
  t.strictSame(texts().slice(0, 3), ['1', '2', '3'])
})

t.test('a journal that breaks off is read on from where it was', async (t) => {
  const script = 'case "$*" in *--after-cursor=i=2*) exec tail -n +3 -f entries ;; *) head -n 2 entries; exit 1 ;; esac'
  const { logs, say, texts } = await journal(t, script)
  await say(1, 4)
  logs.want([wanted])
  await until('all', () => texts().length === 4)
  t.strictSame(texts(), ['1', '2', '3', '4'])
})

t.test('a cursor that the journal does not know any more is given up', async (t) => {
  const { logs, say, texts } = await journal(
    t,
    'case "$*" in *--after-cursor*) exit 1 ;; *) exec tail -n +1 -f entries ;; esac',
  )
  await say(1, 2)
  logs.want([{ ...wanted, after: { plan: null, switch: 'i=gone' } }])
  await until('all', () => texts().length === 2)
})

t.test('a link that takes nothing keeps the journal waiting', async (t) => {
  const { logs, link, say, texts } = await journal(t, 'exec tail -n +1 -f entries')
  link.unsent = 10_000_000
  await say(1, 1)
  logs.want([wanted])
  await until('the first', () => texts().length === 1)
  await say(2, 2)
  link.unsent = 0
  await until('the second', () => texts().length === 2)
})

t.test('at rest, what there is is read once', async (t) => {
  const { dir, logs, say, texts } = await journal(t, 'exec tail -n +1 entries')
  await say(1, 3)
  logs.want([{ ...wanted, journal: 'rest' }])
  await until('all', () => texts().length === 3)
  logs.want([{ ...wanted, journal: 'rest' }])
  logs.want([])
  const asked = await readFile(join(dir, 'asked'), 'utf8')
  t.equal(asked.trim().split('\n').length, 1)
  t.notMatch(asked, '--follow')
  t.match(asked, `_SYSTEMD_UNIT=guardian-switch-${job}.service`)
})
