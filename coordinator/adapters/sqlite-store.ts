import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import * as v from 'valibot'
import { GuardianError } from '../../protocol/errors.ts'
import type { FleetSave } from '../core/effect.ts'
import { historyOver, loadRollouts, rolloutWriter } from './sqlite-rollouts.ts'
import { migrations as allMigrations, statements } from './sqlite-schema.ts'
import type { Loaded, StateStore } from './store.ts'
import { type Boot, readClaim, readHold, writeClaim, writeHold } from './stored-rows.ts'

export interface StoreOptions {
  readonly dir: string
  readonly boot: Boot
  /** Fresh randomness: the instance of this start. */
  readonly instance: string
  readonly migrations?: readonly string[]
}

const fileName = 'store.sqlite'

/** Opens the store of `dir` as its only writer and commits this start's epoch before it returns. */
export function openStore(options: StoreOptions): StateStore {
  const file = join(options.dir, fileName)
  return told(file, () => {
    makeDirectory(options.dir)
    const lock = openLock(options.dir)
    try {
      const db = openDatabase(file, options.migrations ?? allMigrations)
      const loaded = begin(db, options)
      sync(options.dir)
      return storeOver({ db, lock, file, loaded, boot: options.boot })
    } catch (cause) {
      lock.close()
      throw cause
    }
  })
}

/** Copies the store of `dir`, in use or not, to a new file. */
export async function backupStore(dir: string, to: string): Promise<void> {
  const file = join(dir, fileName)
  const db = told(file, () => new Database(file, { fileMustExist: true }))
  try {
    await copy(db, to)
  } finally {
    db.close()
  }
}

function openDatabase(file: string, migrations: readonly string[]): Database.Database {
  const isNew = !existsSync(file)
  // SQLite gives its side files the mode of the main one.
  closeSync(openSync(file, 'a', 0o600))
  const db = new Database(file)
  try {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    if (db.pragma('quick_check(1)', { simple: true }) !== 'ok') throw unusable(file, damaged)
    migrate(db, { file, isNew, migrations })
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}

// Held as long as the process lives, and let go by the kernel however it ends.
function openLock(dir: string): Database.Database {
  const file = join(dir, 'lock')
  closeSync(openSync(file, 'a', 0o600))
  const lock = new Database(file, { timeout: 0 })
  try {
    lock.pragma('journal_mode = MEMORY')
    lock.pragma('locking_mode = EXCLUSIVE')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock.close()
    throw cause
  }
}

function migrate(
  db: Database.Database,
  { file, isNew, migrations }: { file: string; isNew: boolean; migrations: readonly string[] },
): void {
  db.exec('CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL) STRICT')
  const row = db.prepare('SELECT max(version) AS version FROM schema').get()
  const version = v.parse(v.object({ version: v.nullable(v.number()) }), row).version ?? 0
  if (version > migrations.length) {
    throw unusable(file, `was written by a newer guardian (schema ${version}, this one knows ${migrations.length})`)
  }
  if (version === migrations.length) return
  if (!isNew && version > 0) db.prepare('VACUUM INTO ?').run(unusedName(`${file}.schema-${version}`))
  db.transaction(() => {
    for (const statement of migrations.slice(version)) db.exec(statement)
    db.prepare('INSERT INTO schema (version) VALUES (?)').run(migrations.length)
  })()
}

function unusedName(name: string): string {
  for (let attempt = 0; ; attempt += 1) {
    const candidate = attempt === 0 ? name : `${name}.${attempt}`
    if (!existsSync(candidate)) return candidate
  }
}

/** Reads everything and makes this start's claim durable; a superseded coordinator keeps its epoch. */
function begin(db: Database.Database, { boot, instance }: StoreOptions): Loaded {
  const before = readClaim(db.prepare(statements.claim).get())
  const superseded = before?.superseded ?? null
  const claim =
    before !== null && superseded !== null
      ? // No two starts share an instance, or two copies of one store could both be taken over to the same claim.
        { ...before.claim, instance }
      : { epoch: (before?.claim.epoch ?? 0) + 1, instance, revision: before?.claim.revision ?? 0 }
  db.prepare(statements.putClaim).run(writeClaim(claim, superseded))
  const names = (sql: string) => new Set(v.parse(v.array(v.string()), db.prepare(sql).pluck().all()))
  const holds = db
    .prepare(statements.holds)
    .all()
    .map((row) => readHold(row, boot))
  return {
    claim,
    superseded,
    awaiting: names(statements.awaiting),
    holds: new Map(holds.map((hold) => [hold.id, hold])),
    released: names(statements.released),
    owedUndrain: names(statements.owed),
    rollouts: loadRollouts(db, boot),
  }
}

interface Parts {
  readonly db: Database.Database
  readonly lock: Database.Database
  readonly file: string
  readonly loaded: Loaded
  readonly boot: Boot
}

function storeOver({ db, lock, file, loaded, boot }: Parts): StateStore {
  const write = writer(db, boot)
  const history = historyOver(db)
  return {
    loaded,
    history: {
      ...history,
      keepLines: (rollout, host, log) => told(file, () => history.keepLines(rollout, host, log)),
      together: (work) => told(file, () => history.together(work)),
    },
    commit: (save) => told(file, () => write(save)),
    close() {
      db.close()
      lock.close()
    },
  }
}

function writer(db: Database.Database, boot: Boot): (save: FleetSave) => void {
  const prepare = (sql: string) => db.prepare(sql)
  const put = {
    claim: prepare(statements.putClaim),
    hold: prepare(statements.putHold),
    released: prepare(statements.putReleased),
    owed: prepare(statements.putOwed),
    awaiting: prepare(statements.putAwaiting),
  }
  const drop = {
    hold: prepare(statements.dropHold),
    owed: prepare(statements.dropOwed),
    awaiting: prepare(statements.clearAwaiting),
  }
  const putRollouts = rolloutWriter(db, boot)
  return db.transaction((save: FleetSave) => {
    put.claim.run(writeClaim(save.claim, save.superseded))
    for (const hold of save.put) put.hold.run(writeHold(hold, boot))
    for (const id of save.release) {
      drop.hold.run(id)
      put.released.run(id)
    }
    for (const { seat, owed } of save.owedUndrain) (owed ? put.owed : drop.owed).run(seat)
    drop.awaiting.run()
    for (const host of save.awaiting) put.awaiting.run(host)
    if (save.rollouts !== undefined) putRollouts(save.rollouts)
  })
}

async function copy(db: Database.Database, to: string): Promise<void> {
  try {
    closeSync(openSync(to, 'wx', 0o600))
  } catch (cause) {
    throw new GuardianError(
      'bad-request',
      `backup ${to}: ${isCoded(cause, 'EEXIST') ? 'exists already; name a new file' : 'cannot be made'}`,
      { file: to },
      { cause },
    )
  }
  try {
    await db.backup(to)
    sync(to)
    sync(dirname(to))
  } catch (cause) {
    unlinkSync(to)
    const what = faultOf(cause)
    if (what === null) throw cause
    throw new GuardianError('not-persisted', `backup ${to} of store ${db.name} ${what}`, { file: to }, { cause })
  }
}

function makeDirectory(dir: string): void {
  if (mkdirSync(dir, { recursive: true, mode: 0o700 }) !== undefined) sync(dirname(dir))
}

function sync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Runs `work` and says what a failure of the disk or of the file means to a person. */
function told<Result>(file: string, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    const what = faultOf(cause)
    throw what === null ? cause : unusable(file, what, cause)
  }
}

function faultOf(cause: unknown): string | null {
  if (cause instanceof v.ValiError) return damaged
  if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'string') return null
  if (/^(SQLITE_FULL|ENOSPC|EDQUOT)/.test(cause.code)) return 'cannot be written, the disk is full: free some space'
  if (/^SQLITE_(BUSY|LOCKED)/.test(cause.code)) return 'is in use by another coordinator: stop that one first'
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(cause.code)) return damaged
  if (/^(SQLITE_(?!CONSTRAINT)|E[A-Z]+$)/.test(cause.code)) {
    return `cannot be written (${cause.code}): it must belong to the coordinator's user, on a disk that is writable`
  }
  return null
}

const damaged =
  'is damaged: put back a copy made by "guardian coordinator backup", or move it away, together with its -wal and ' +
  '-shm; then start and run "guardian coordinator takeover" (agents report the holds of their markers: no drain is lost)'

function unusable(file: string, what: string, cause?: unknown): GuardianError {
  return new GuardianError('not-persisted', `store ${file} ${what}`, { file }, { cause })
}

function isCoded(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code
}
