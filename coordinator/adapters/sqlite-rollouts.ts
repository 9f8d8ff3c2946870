import type Database from 'better-sqlite3'
import * as v from 'valibot'
import { type RolloutEvent, type RolloutLogLine, rolloutEvent, rolloutLogLine } from '../../protocol/rollout/api.ts'
import type { JobLog, LogStream } from '../../protocol/v2/job.ts'
import type { RolloutSave } from '../core/effect.ts'
import type { StoredRollouts } from '../core/rollout/begin.ts'
import { rolloutStatements } from './sqlite-schema.ts'
import type { RolloutHistory } from './store.ts'
import { readLock, readRollout, readRun } from './stored-rollouts.ts'
import type { Boot } from './stored-rows.ts'

/** What the store has of rollouts when it is opened. */
export function loadRollouts(db: Database.Database, boot: Boot): StoredRollouts {
  const all = (sql: string): readonly unknown[] => db.prepare(sql).all()
  const counterRow = v.parse(v.optional(v.object({ next: v.number() })), db.prepare(rolloutStatements.counter).get())
  const last = v.parse(v.object({ seq: v.nullable(v.number()) }), db.prepare(rolloutStatements.lastEvent).get())
  return {
    rollouts: all(rolloutStatements.rollouts).map((row) => readRollout(row, boot)),
    runs: all(rolloutStatements.runs).map((row) => readRun(row, boot)),
    locks: all(rolloutStatements.locks).map(readLock),
    nextRollout: counterRow?.next ?? 1,
    nextEvent: (last.seq ?? 0) + 1,
  }
}

/** Writes a change inside the transaction that its caller has begun. */
export function rolloutWriter(db: Database.Database, boot: Boot): (save: RolloutSave) => void {
  const prepare = (sql: string) => db.prepare(sql)
  const put = {
    counter: prepare(rolloutStatements.putCounter),
    rollout: prepare(rolloutStatements.putRollout),
    run: prepare(rolloutStatements.putRun),
    event: prepare(rolloutStatements.putEvent),
    lock: prepare(rolloutStatements.putLock),
  }
  const drop = { rollout: prepare(rolloutStatements.dropRollout), lock: prepare(rolloutStatements.dropLock) }
  return (save) => {
    put.counter.run(save.nextRollout)
    for (const rollout of save.put) {
      const number = Number(rollout.id.slice(1))
      put.rollout.run({ id: rollout.id, number, boot_id: boot.id, body: JSON.stringify(rollout) })
    }
    for (const run of save.runs) {
      put.run.run({ rollout: run.rollout, host: run.host, boot_id: boot.id, body: JSON.stringify(run) })
    }
    for (const event of save.events) {
      put.event.run({ seq: event.seq, rollout: event.rollout, host: event.host, body: JSON.stringify(event) })
    }
    for (const { id, group, sinceMs } of save.locks.put) put.lock.run({ id, budget: group, since_ms: sinceMs })
    for (const id of save.locks.drop) drop.lock.run(id)
    for (const id of save.drop) drop.rollout.run(id)
  }
}

const eventRow = v.object({ body: v.pipe(v.string(), v.parseJson(), rolloutEvent) })
const countRow = v.object({ lines: v.number() })

// A switch writes a few hundred lines; whoever writes without end is cut, and the journal has the rest.
const linesMax = 20_000

/** What is read again rather than kept in memory: events and logs. */
export function historyOver(db: Database.Database): RolloutHistory {
  const sql = {
    ofRollout: db.prepare(rolloutStatements.eventsOfRollout),
    ofHost: db.prepare(rolloutStatements.eventsOfHost),
    lines: db.prepare(rolloutStatements.logLines),
    lastLines: db.prepare(rolloutStatements.lastLogLines),
    cursor: db.prepare(rolloutStatements.logCursor).pluck(),
    count: db.prepare(rolloutStatements.logCount),
    putLine: db.prepare(rolloutStatements.putLogLine),
  }
  const eventsOf = (rows: readonly unknown[]): readonly RolloutEvent[] => rows.map((row) => v.parse(eventRow, row).body)

  const keep = db.transaction((rollout: string, host: string, { job, stream, lines }: JobLog): number => {
    const room = linesMax - v.parse(countRow, sql.count.get(job, stream)).lines
    let kept = 0
    for (const { cursor, atMs, text } of lines.slice(0, Math.max(0, room))) {
      kept += sql.putLine.run({ rollout, host, job, stream, cursor, at_ms: atMs, text }).changes
    }
    return kept
  })

  return {
    events: (rollout, after, limit) => eventsOf(sql.ofRollout.all(rollout, after, limit)),
    eventsOfHost: (host, limit) => eventsOf(sql.ofHost.all(host, limit)),
    lines({ rollout, host, stream, after, limit, last }): readonly RolloutLogLine[] {
      const which = { rollout, host, stream, after }
      const rows =
        last === null
          ? sql.lines.all({ ...which, limit })
          : sql.lastLines.all({ ...which, limit: Math.min(last, limit) })
      return v.parse(v.array(rolloutLogLine), rows)
    },
    lastCursor: (job: string, stream: LogStream) =>
      v.parse(v.optional(v.string()), sql.cursor.get(job, stream)) ?? null,
    keepLines: (rollout, host, log) => keep(rollout, host, log),
    together: (work) => db.transaction(work)(),
  }
}
