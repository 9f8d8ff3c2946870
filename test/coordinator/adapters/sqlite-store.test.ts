import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { migrations } from '../../../coordinator/adapters/sqlite-schema.ts'
import { backupStore, openStore } from '../../../coordinator/adapters/sqlite-store.ts'
import { GuardianError } from '../../../protocol/errors.ts'
import { aHold, aSave, bootA, bootB } from './store-samples.ts'

const instance = (letter: string) => letter.repeat(32)

t.test('a new store', async (t) => {
  const dir = join(t.testdir(), 'state')
  const store = openStore({ dir, boot: bootA, instance: instance('1') })
  t.strictSame(store.loaded.claim, { epoch: 1, instance: instance('1'), revision: 0 })
  t.equal(statSync(dir).mode & 0o777, 0o700)
  for (const name of readdirSync(dir)) t.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name)
  t.throws(() => openStore({ dir, boot: bootA, instance: instance('2') }), { message: /in use by another coordinator/ })
  store.close()
})

t.test('what was committed is there after a restart, one epoch later', async (t) => {
  const dir = t.testdir()
  const first = openStore({ dir, boot: bootA, instance: instance('1') })
  const claim = { ...first.loaded.claim, revision: 7 }
  const hold = aHold({ except: new Set(['web9']), rushAtMs: 12_000, orphan: true, targets: ['a', 'b'] })
  const gone = aHold({ id: 'gone' })
  first.commit(aSave({ claim, put: [hold, gone], awaiting: ['web1'], owedUndrain: [{ seat: 'old1/a', owed: true }] }))
  first.commit(aSave({ claim, release: ['gone'] }))
  first.close()
  const { loaded, close } = openStore({ dir, boot: bootA, instance: instance('2') })
  t.strictSame(loaded.claim, { epoch: 2, instance: instance('2'), revision: 7 })
  t.strictSame([...loaded.holds.values()], [hold])
  t.strictSame([...loaded.released], ['gone'])
  t.strictSame([...loaded.awaiting], [], 'the last save had none')
  t.strictSame([...loaded.owedUndrain], ['old1/a'])
  close()
})

t.test('a superseded coordinator keeps its epoch until a takeover', async (t) => {
  const dir = t.testdir()
  const superseded = { host: 'web1', seen: { epoch: 9, instance: instance('9'), revision: 3 } }
  const first = openStore({ dir, boot: bootA, instance: instance('1') })
  first.commit(aSave({ claim: first.loaded.claim, superseded }))
  first.close()
  const second = openStore({ dir, boot: bootA, instance: instance('2') })
  t.strictSame(second.loaded.claim, { ...first.loaded.claim, instance: instance('2') })
  t.strictSame(second.loaded.superseded, superseded)
  second.commit(aSave({ claim: { epoch: 10, instance: instance('2'), revision: 4 } }))
  second.close()
  const third = openStore({ dir, boot: bootA, instance: instance('3') })
  t.strictSame(third.loaded.claim, { epoch: 11, instance: instance('3'), revision: 4 })
  third.close()
})

const ends: readonly [name: string, boot: typeof bootA, asOfMs: number][] = [
  ['time of the same boot counts', { ...bootA, atMs: 70_000 }, 10_500],
  ['time of another boot does not', bootB, bootB.atMs],
]
for (const [name, boot, asOfMs] of ends) {
  t.test(`the end of a hold: ${name}`, async (t) => {
    const dir = t.testdir()
    const first = openStore({ dir, boot: bootA, instance: instance('1') })
    const hold = aHold({ end: { remainingMs: 60_000, asOfMs: 10_500 }, rushAtMs: 11_000 })
    first.commit(aSave({ claim: first.loaded.claim, put: [hold] }))
    first.close()
    const second = openStore({ dir, boot, instance: instance('2') })
    const loaded = second.loaded.holds.get(hold.id)
    t.strictSame(loaded?.end, { remainingMs: 60_000, asOfMs })
    t.equal(loaded?.rushAtMs, boot.id === bootA.id ? 11_000 : null)
    second.close()
  })
}

t.test('a copy that was put back is one epoch after its own time', async (t) => {
  const dir = t.testdir()
  const copy = join(dir, 'copy.sqlite')
  const first = openStore({ dir, boot: bootA, instance: instance('1') })
  first.commit(aSave({ claim: { ...first.loaded.claim, revision: 1 }, put: [aHold()] }))
  await backupStore(dir, copy)
  await t.rejects(backupStore(dir, copy), { code: 'bad-request', message: /exists already/ })
  t.equal(statSync(copy).mode & 0o777, 0o600)
  first.commit(aSave({ claim: { ...first.loaded.claim, revision: 2 }, put: [aHold({ id: 'later' })] }))
  first.close()
  const restored = join(dir, 'restored')
  mkdirSync(restored)
  copyFileSync(copy, join(restored, 'store.sqlite'))
  const second = openStore({ dir: restored, boot: bootA, instance: instance('2') })
  t.strictSame(second.loaded.claim, { epoch: 2, instance: instance('2'), revision: 1 })
  t.strictSame([...second.loaded.holds.keys()], ['hold-1'])
  second.close()
})

t.test('a migration leaves a copy of what was before', async (t) => {
  const dir = t.testdir()
  const first = openStore({ dir, boot: bootA, instance: instance('1') })
  first.commit(aSave({ claim: first.loaded.claim, put: [aHold()] }))
  first.close()
  const next = [...migrations, 'ALTER TABLE awaiting ADD COLUMN note TEXT']
  const second = openStore({ dir, boot: bootA, instance: instance('2'), migrations: next })
  t.equal(second.loaded.holds.size, 1)
  second.close()
  t.throws(() => openStore({ dir, boot: bootA, instance: instance('3') }), { message: /newer guardian/ })
  rmSync(join(dir, 'store.sqlite'))
  copyFileSync(join(dir, `store.sqlite.schema-${migrations.length}`), join(dir, 'store.sqlite'))
  const back = openStore({ dir, boot: bootA, instance: instance('4') })
  t.equal(back.loaded.claim.epoch, 2, 'the copy is from before the second start')
  back.close()
})

t.test('a failed migration changes nothing', async (t) => {
  const dir = t.testdir()
  openStore({ dir, boot: bootA, instance: instance('1') }).close()
  const broken = [...migrations, 'ALTER TABLE awaiting ADD COLUMN note TEXT; ALTER TABLE nowhere ADD COLUMN x TEXT']
  t.throws(() => openStore({ dir, boot: bootA, instance: instance('2'), migrations: broken }), {
    code: 'not-persisted',
  })
  openStore({ dir, boot: bootA, instance: instance('3') }).close()
})

t.test('what does not fit the schema is a bug, not the disk’s fault', async (t) => {
  const store = openStore({ dir: t.testdir(), boot: bootA, instance: instance('1') })
  t.teardown(() => store.close())
  const save = aSave({ claim: store.loaded.claim, put: [aHold({ rushAtMs: 0.5 })] })
  t.throws(() => store.commit(save), { name: 'SqliteError', code: 'SQLITE_CONSTRAINT_DATATYPE' })
})

const damages: readonly [name: string, damage: (file: string) => void][] = [
  ['not a database', (file) => writeFileSync(file, 'x'.repeat(8_192))],
  ['a row that this program never wrote', (file) => scribble(file, "UPDATE identity SET instance = 'short'")],
]
for (const [name, damage] of damages) {
  t.test(`damaged: ${name}`, async (t) => {
    const dir = t.testdir()
    openStore({ dir, boot: bootA, instance: instance('1') }).close()
    damage(join(dir, 'store.sqlite'))
    const refusal = caught(() => openStore({ dir, boot: bootA, instance: instance('2') }))
    t.equal(refusal.code, 'not-persisted')
    t.match(refusal.message, join(dir, 'store.sqlite'))
    t.match(refusal.message, /is damaged: put back a copy .* takeover/)
  })
}

t.test('kill -9 between and within commits loses nothing that was said', { timeout: 60_000 }, async (t) => {
  const dir = t.testdir()
  for (let round = 1; round <= 8; round += 1) {
    const said = await killedAfter(dir, 3 + round * 5)
    const store = openStore({ dir, boot: bootA, instance: instance('d') })
    const { claim, holds, released, rollouts } = store.loaded
    store.close()
    t.equal(rollouts.nextEvent, claim.revision + 1)
    t.strictSame(
      rollouts.runs.map(({ hold, attempt }) => [hold, attempt]),
      claim.revision === 0 ? [] : [[`hold-${claim.revision}`, claim.revision]],
      'a run and its hold together',
    )
    t.ok(claim.revision >= said, `revision ${claim.revision} after ${said} was said`)
    const expected = Array.from({ length: claim.revision }, (_, at) => at + 1).filter(
      (at) => !(at % 3 === 2 && at < claim.revision),
    )
    t.strictSame(new Set(holds.keys()), new Set(expected.map((at) => `hold-${at}`)), 'each save whole or not at all')
    t.equal(released.size, Math.floor(claim.revision / 3))
  }
})

const isRoot = process.getuid?.() === 0

t.test('a full disk', { skip: isRoot ? false : 'needs root to mount a tmpfs' }, async (t) => {
  const dir = mountTmpfs(t)
  const store = openStore({ dir, boot: bootA, instance: instance('1') })
  store.commit(aSave({ claim: { ...store.loaded.claim, revision: 1 }, put: [aHold()] }))
  writeFileSync(join(dir, 'ballast'), '')
  spawnSync('dd', ['if=/dev/zero', `of=${join(dir, 'ballast')}`, 'bs=4k'])
  const members = new Set(Array.from({ length: 2_000 }, (_, at) => `host-with-a-long-name-${at}`))
  const refusal = caught(() =>
    store.commit(aSave({ claim: { ...store.loaded.claim, revision: 2 }, put: [aHold({ id: 'big', members })] })),
  )
  t.equal(refusal.code, 'not-persisted')
  t.match(refusal.message, /disk is full: free some space/)
  rmSync(join(dir, 'ballast'))
  store.commit(aSave({ claim: { ...store.loaded.claim, revision: 3 }, put: [aHold({ id: 'after' })] }))
  store.close()
  const again = openStore({ dir, boot: bootA, instance: instance('2') })
  t.strictSame(new Set(again.loaded.holds.keys()), new Set(['hold-1', 'after']))
  t.equal(again.loaded.claim.revision, 3)
  again.close()
})

t.test(
  'a backup for which there is no room leaves no file behind',
  { skip: isRoot ? false : 'needs root' },
  async (t) => {
    const dir = t.testdir()
    const store = openStore({ dir, boot: bootA, instance: instance('1') })
    t.teardown(() => store.close())
    const members = new Set(Array.from({ length: 40_000 }, (_, at) => `host-with-a-long-name-${at}`))
    store.commit(aSave({ claim: { ...store.loaded.claim, revision: 1 }, put: [aHold({ members })] }))
    const small = mountTmpfs(t)
    const copy = join(small, 'copy.sqlite')
    await t.rejects(backupStore(dir, copy), { code: 'not-persisted', message: /copy\.sqlite .*free some space/ })
    t.strictSame(readdirSync(small), [])
  },
)

t.test('a read-only disk', { skip: isRoot ? false : 'needs root to mount a tmpfs' }, async (t) => {
  const dir = mountTmpfs(t)
  openStore({ dir, boot: bootA, instance: instance('1') }).close()
  spawnSync('mount', ['-o', 'remount,ro', dir])
  const refusal = caught(() => openStore({ dir, boot: bootA, instance: instance('2') }))
  t.equal(refusal.code, 'not-persisted')
  t.match(refusal.message, /cannot be written \(EROFS\)/)
})

async function killedAfter(dir: string, count: number): Promise<number> {
  const writer = join(import.meta.dirname, 'store-writer.ts')
  const child = spawn(process.execPath, ['--import=tsx', writer, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = 0
  let left = count
  for await (const line of createInterface({ input: child.stdout })) {
    said = Number(line)
    left -= 1
    if (left === 0) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return said
}

function mountTmpfs(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'guardian-store-'))
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', dir])
  if (status !== 0) throw new Error('mount of a tmpfs failed')
  t.teardown(() => {
    spawnSync('umount', ['-l', dir])
    rmSync(dir, { recursive: true })
  })
  return dir
}

function scribble(file: string, sql: string): void {
  const script = `import('better-sqlite3').then(({ default: D }) => new D(${JSON.stringify(file)}).exec(${JSON.stringify(sql)}))`
  spawnSync(process.execPath, ['-e', script], { cwd: import.meta.dirname })
}

function caught(work: () => unknown): GuardianError {
  try {
    work()
  } catch (cause) {
    if (cause instanceof GuardianError) return cause
    throw cause
  }
  throw new Error('not refused')
}
