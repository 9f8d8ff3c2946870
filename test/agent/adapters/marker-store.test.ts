import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { markerPath, openingPath, openMarkerStore } from '../../../agent/adapters/marker-store.ts'
import { unreadableHold } from '../../../agent/core/self-drain.ts'
import type { TargetRecord } from '../../../agent/core/state.ts'
import { GuardianError } from '../../../protocol/errors.ts'
import type { Hold } from '../../../protocol/hold.ts'
import { limits } from '../../../protocol/limits.ts'
import { quietLog } from '../quiet-log.ts'

const log = quietLog()
const target = 'io-databases'
const bootId = 'a'.repeat(32)
const hold: Hold = { id: 'a/b/1', owner: 'gate:a', message: 'x', sinceMs: 1, selector: '*', except: [], remainingMs: 5 }
const claim = { epoch: 3, instance: 'b'.repeat(32), revision: 9 }
const nothing: TargetRecord = { marker: null, opening: null }

async function save(dir: string, record: TargetRecord): Promise<void> {
  const store = await openMarkerStore(dir, log)
  await store.save({ seen: null, record: { target, record } })
}

async function recordIn(dir: string): Promise<TargetRecord | undefined> {
  return (await (await openMarkerStore(dir, log)).load([target])).records.get(target)
}

t.test('a fresh directory holds nothing', async (t) => {
  const dir = join(t.testdir({}), 'state')
  t.strictSame(await recordIn(dir), nothing)
})

t.test('what is saved is loaded', async (t) => {
  const dir = t.testdir({})
  const store = await openMarkerStore(dir, log)
  await store.save({ seen: claim, record: { target, record: { marker: [hold], opening: null } } })
  const again = await (await openMarkerStore(dir, log)).load([target, 'other'])
  t.strictSame(again.seen, claim)
  t.strictSame(again.records.get(target), { marker: [hold], opening: null })
  t.strictSame(again.records.get('other'), nothing)
  const opened: TargetRecord = { marker: null, opening: { bootId, is: 'opening' } }
  await store.save({ seen: null, record: { target, record: opened } })
  t.strictSame(await recordIn(dir), opened)
  t.notOk(existsSync(markerPath(dir, target)))
  await store.save({ seen: null, record: { target, record: { marker: [], opening: null } } })
  t.strictSame(await recordIn(dir), { marker: [], opening: null }, 'an empty marker is one')
  t.notOk(existsSync(openingPath(dir, target)))
})

t.test('a marker with more holds than a report may tell of is read whole', async (t) => {
  const dir = t.testdir({})
  const marker = Array.from({ length: limits.holdsMax + 1 }, (_, at) => ({ ...hold, id: `a/b/${at}` }))
  await save(dir, { marker, opening: null })
  t.strictSame(await recordIn(dir), { marker, opening: null })
})

t.test('a file of a size that nothing here can have written is not read', async (t) => {
  const dir = t.testdir({ drained: { [target]: '' } })
  await truncate(markerPath(dir, target), 2 ** 40)
  t.match((await recordIn(dir))?.marker, [{ owner: 'self', message: /more than 16 MiB/ }])
})

const damaged: readonly [name: string, text: string][] = [
  ['empty', ''],
  ['cut off', '{"version":1,"holds":[{"id":"a'],
  ['of a later version', '{"version":2,"holds":[]}'],
  ['of another shape', '[]'],
  ['with a hold that nobody may own', '{"version":1,"holds":[{"id":"a","owner":"nobody","message":"","sinceMs":1}]}'],
]
for (const [name, text] of damaged) {
  t.test(`a marker that is ${name} counts as a hold, never as none`, async (t) => {
    const dir = t.testdir({ drained: { [target]: text } })
    const record = await recordIn(dir)
    t.equal(record?.marker?.length, 1)
    const [hold] = record?.marker ?? []
    t.equal(hold?.owner, 'self')
    t.ok((hold?.sinceMs ?? 0) > 0, 'its age is told from now on')
    t.equal(hold?.id.startsWith(unreadableHold), true)
    t.not((await recordIn(dir))?.marker?.[0]?.id, hold?.id, 'the release of one releases no other')
    t.match(record?.marker?.[0]?.message, /cannot be read/)
  })
}

t.test('a marker that is a directory counts as a hold', async (t) => {
  const dir = t.testdir({ drained: { [target]: {} } })
  t.equal((await recordIn(dir))?.marker?.[0]?.owner, 'self')
})

t.test('an unreadable opening or claim is forgotten, not believed', async (t) => {
  const dir = t.testdir({ seen: '{"epoch":', opening: { [target]: 'x' } })
  const { seen, records } = await (await openMarkerStore(dir, log)).load([target])
  t.equal(seen, null)
  t.strictSame(records.get(target), nothing)
})

t.test('what a killed agent was writing is removed and changes nothing', async (t) => {
  const dir = t.testdir({ drained: { [`.${target}.next`]: '{"version":1,"hol' }, '.seen.next': '{' })
  t.strictSame(await recordIn(dir), nothing)
  t.strictSame(await readdir(join(dir, 'drained')), [])
  t.notOk((await readdir(dir)).includes('.seen.next'))
})

t.test('cut off at any call, a save leaves no open door without a decision', async (t) => {
  const shut: TargetRecord = { marker: [hold], opening: null }
  const opening: TargetRecord = { marker: null, opening: { bootId, is: 'opening' } }
  const changes: readonly [from: TargetRecord, to: TargetRecord][] = [
    [shut, opening],
    [opening, shut],
    [{ marker: [], opening: null }, opening],
    [opening, { marker: null, opening: { bootId, is: 'open' } }],
  ]
  for (const [index, [from, to]] of changes.entries()) {
    const dir = join(t.testdir({}), `${index}`)
    const script = join(import.meta.dirname, 'store-cut-off.ts')
    const argv = ['--import=tsx', script, dir, target, JSON.stringify(from), JSON.stringify(to)]
    await promisify(execFile)(process.execPath, argv)
    const runs = (await readdir(dir)).map(Number).sort((one, other) => one - other)
    t.ok(runs.length > 3, `${runs.length} calls`)
    for (const calls of runs) {
      const now = await recordIn(join(dir, `${calls}`))
      t.ok(now?.marker !== null || now?.opening !== null, `after ${calls} calls`)
      if (from.marker !== null && now?.marker === null) t.strictSame(now, to, 'opened only once it was decided')
    }
    t.strictSame(await recordIn(join(dir, `${runs.at(-1)}`)), to)
  }
})

t.test('a full disk keeps what stood before, and is found to have room again', { skip: skipMounts() }, async (t) => {
  await onSmallDisk('size=64k,nr_inodes=32', async (dir) => {
    const store = await openMarkerStore(dir, log)
    const before: TargetRecord = { marker: [], opening: null }
    await store.save({ seen: null, record: { target, record: before } })
    await writeFile(join(dir, 'ballast'), Buffer.alloc(256 * 1024)).catch(() => {})
    const record: TargetRecord = { marker: [{ ...hold, message: 'm'.repeat(400) }], opening: null }
    await t.rejects(store.save({ seen: null, record: { target, record } }), { code: 'ENOSPC' })
    t.strictSame(await recordIn(dir), before)
    await rm(join(dir, 'ballast'))
    await store.save({ seen: null, record: { target, record } })
    t.strictSame(await recordIn(dir), record)
  })
})

t.test('an agent starts on a disk that is full from the beginning', { skip: skipMounts() }, async (t) => {
  await onSmallDisk('size=64k,nr_inodes=3', async (dir) => {
    for (const name of ['ballast', 'more']) await writeFile(join(dir, name), '').catch(() => {})
    const store = await openMarkerStore(dir, log)
    const record: TargetRecord = { marker: [hold], opening: null }
    await t.rejects(store.save({ seen: null, record: { target, record } }))
    execFileSync('mount', ['-o', 'remount,nr_inodes=32', dir])
    await store.save({ seen: null, record: { target, record } })
    t.strictSame(await recordIn(dir), record)
  })
})

async function onSmallDisk(options: string, work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'guardian-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir])
  try {
    await work(dir)
  } finally {
    execFileSync('umount', [dir])
    await rm(dir, { recursive: true })
  }
}

t.test('a state directory that cannot be one is refused by name', async (t) => {
  const dir = t.testdir({ file: '' })
  const cause: unknown = await openMarkerStore(join(dir, 'file/state'), log).catch((refusal: unknown) => refusal)
  t.ok(cause instanceof GuardianError && cause.code === 'bad-config')
  t.match(String(cause), 'file/state')
})

t.test('files are whole JSON, one a file', async (t) => {
  const dir = t.testdir({})
  await save(dir, { marker: [hold], opening: null })
  const text = await readFile(markerPath(dir, target), 'utf8')
  t.match(text, /^\{"version":1,"holds":\[.*\]\}\n$/)
})

function skipMounts(): string | false {
  return process.getuid?.() === 0 ? false : 'needs root to mount a small file system'
}
