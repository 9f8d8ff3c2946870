import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { migrations } from '../../../coordinator/adapters/sqlite-schema.ts'
import { openStore } from '../../../coordinator/adapters/sqlite-store.ts'
import type { LinesQuery, StateStore } from '../../../coordinator/adapters/store.ts'
import type { RolloutSave } from '../../../coordinator/core/effect.ts'
import { anEvent, aRollout, aRolloutSave, aRun, everyRolloutNow, everyRunNow } from './rollout-samples.ts'
import { aHold, aSave, bootA, bootB } from './store-samples.ts'

const instance = 'a'.repeat(32)
const job = 'f'.repeat(32)

function keep(store: StateStore, part: Partial<RolloutSave>): void {
  store.commit(aSave({ claim: store.loaded.claim, rollouts: aRolloutSave(part) }))
}

/** Writes, closes, and reads in another boot or the same. */
function written(dir: string, part: Partial<RolloutSave>, boot = bootA): StateStore {
  const store = openStore({ dir, boot: bootA, instance })
  keep(store, part)
  store.close()
  return openStore({ dir, boot, instance })
}

t.test('a store without rollouts', async (t) => {
  const store = openStore({ dir: t.testdir(), boot: bootA, instance })
  t.teardown(() => store.close())
  t.strictSame(store.loaded.rollouts, { rollouts: [], runs: [], locks: [], nextRollout: 1, nextEvent: 1 })
})

t.test('every state of a rollout and of a run comes back as it was', async (t) => {
  const put = everyRolloutNow.map((now, at) => aRollout({ id: `r${at + 1}`, request: `${at}`, now }))
  const runs = everyRunNow.map((now, at) => aRun({ host: `web${at}`, now }))
  const locks = { put: [{ id: 'coreos-1', group: 'any', sinceMs: 1_700_000_000_000 }], drop: [] }
  const store = written(t.testdir(), { put, runs, locks, events: [anEvent(7)], nextRollout: 99 })
  t.teardown(() => store.close())
  const { rollouts } = store.loaded
  t.strictSame(rollouts.rollouts, put, 'oldest first, ten after nine')
  t.strictSame(rollouts.runs, runs, 'in the order of the plan')
  t.strictSame(rollouts.locks, locks.put)
  t.equal(rollouts.nextRollout, 99)
  t.equal(rollouts.nextEvent, 8)
})

t.test('a run that is written again stays where it was', async (t) => {
  const dir = t.testdir()
  const hosts = ['web3', 'web1', 'web2']
  written(dir, { put: [aRollout()], runs: hosts.map((host) => aRun({ host })) }).close()
  const store = written(dir, { put: [aRollout({ reason: 'later' })], runs: [aRun({ host: 'web3', attempt: 2 })] })
  t.teardown(() => store.close())
  t.strictSame(
    store.loaded.rollouts.runs.map(({ host, attempt }) => [host, attempt]),
    [
      ['web3', 2],
      ['web1', 1],
      ['web2', 1],
    ],
  )
  t.equal(store.loaded.rollouts.rollouts[0]?.reason, 'later')
})

t.test('in another boot every span begins again', async (t) => {
  const runs = [aRun(), aRun({ host: 'web2', slotMs: null })]
  const store = written(t.testdir(), { put: [aRollout()], runs }, bootB)
  t.teardown(() => store.close())
  const { rollouts } = store.loaded
  t.match(rollouts.rollouts, [{ sinceMs: bootB.atMs, stage: { sinceMs: bootB.atMs }, createdMs: 1_700_000_000_000 }])
  t.match(rollouts.runs, [
    { sinceMs: bootB.atMs, slotMs: bootB.atMs },
    { sinceMs: bootB.atMs, slotMs: null },
  ])
})

t.test('a save that the store refuses keeps neither holds nor rollouts', async (t) => {
  const store = openStore({ dir: t.testdir(), boot: bootA, instance })
  t.teardown(() => store.close())
  const rollouts = aRolloutSave({ put: [aRollout()], events: [anEvent(1), anEvent(1)] })
  t.throws(() => store.commit(aSave({ claim: store.loaded.claim, put: [aHold()], rollouts })))
  t.strictSame(store.history.events('r1', 0, 10), [])
})

t.test('events: of a rollout after a number, of a host the last', async (t) => {
  const events = [1, 2, 3, 4].map((seq) =>
    anEvent(seq, { host: seq === 2 ? null : 'web1', rollout: `r${1 + (seq % 2)}` }),
  )
  const put = [aRollout(), aRollout({ id: 'r2', request: '2' })]
  const store = written(t.testdir(), { put, events })
  t.teardown(() => store.close())
  const numbers = (list: readonly { readonly seq: number }[]) => list.map(({ seq }) => seq)
  t.strictSame(store.history.events('r1', 0, 10), [events[1], events[3]])
  t.strictSame(numbers(store.history.events('r2', 1, 10)), [3])
  t.strictSame(numbers(store.history.events('r2', 0, 1)), [1])
  t.strictSame(numbers(store.history.eventsOfHost('web1', 2)), [3, 4], 'oldest first')
})

const lineOf = (cursor: string) => ({ cursor, atMs: 5, text: `text of ${cursor}` })
const query: LinesQuery = { rollout: 'r1', host: null, stream: null, after: 0, limit: 100, last: null }

t.test('log lines: said twice, kept once; by host, stream, number and from the end', async (t) => {
  const store = written(t.testdir(), { put: [aRollout()] })
  t.teardown(() => store.close())
  const { history } = store
  t.equal(history.lastCursor(job, 'switch'), null)
  t.equal(
    history.keepLines('r1', 'web1', { type: 'log', job, stream: 'switch', lines: [lineOf('s=1'), lineOf('s=2')] }),
    2,
  )
  t.equal(
    history.keepLines('r1', 'web1', { type: 'log', job, stream: 'switch', lines: [lineOf('s=2'), lineOf('s=3')] }),
    1,
  )
  t.equal(history.keepLines('r1', 'web1', { type: 'log', job, stream: 'plan', lines: [lineOf('s=1')] }), 1)
  t.equal(
    history.keepLines('r1', 'web2', { type: 'log', job: 'e'.repeat(32), stream: 'switch', lines: [lineOf('s=1')] }),
    1,
  )
  t.equal(history.lastCursor(job, 'switch'), 's=3')
  t.equal(history.lastCursor(job, 'plan'), 's=1')
  const texts = (change: Partial<LinesQuery>) =>
    history.lines({ ...query, ...change }).map(({ host, stream, text }) => `${host} ${stream} ${text}`)
  const switched = ['s=1', 's=2', 's=3'].map((cursor) => `web1 switch text of ${cursor}`)
  t.strictSame(texts({}), [...switched, 'web1 plan text of s=1', 'web2 switch text of s=1'])
  t.strictSame(texts({ host: 'web1', stream: 'switch' }), switched)
  t.strictSame(texts({ host: 'web1', last: 2 }), [switched[2], 'web1 plan text of s=1'])
  const [first] = history.lines(query)
  t.strictSame(texts({ after: first?.seq ?? 0, limit: 1 }), [switched[1]])
})

t.test('a log without end is cut, each stream of each job by itself', async (t) => {
  const store = written(t.testdir(), { put: [aRollout()] })
  t.teardown(() => store.close())
  const say = (stream: 'plan' | 'switch', from: number, count: number) => {
    const lines = Array.from({ length: count }, (_, at) => lineOf(`${from + at}`))
    return store.history.keepLines('r1', 'web1', { type: 'log', job, stream, lines })
  }
  t.equal(say('switch', 0, 19_995), 19_995)
  t.equal(say('switch', 19_995, 20), 5)
  t.equal(say('switch', 20_015, 20), 0)
  t.equal(say('plan', 0, 20), 20)
  t.equal(store.history.lastCursor(job, 'switch'), '19999')
})

t.test('a rollout that is dropped takes its runs, events and logs along', async (t) => {
  const dir = t.testdir()
  const put = [aRollout(), aRollout({ id: 'r2', request: '2' })]
  const runs = [aRun(), aRun({ rollout: 'r2' })]
  const first = written(dir, { put, runs, events: [anEvent(1), anEvent(2, { rollout: 'r2' })] })
  first.history.keepLines('r1', 'web1', { type: 'log', job, stream: 'switch', lines: [lineOf('1')] })
  keep(first, { drop: ['r1'], nextRollout: 3 })
  t.strictSame(first.history.lines(query), [])
  t.equal(first.history.lastCursor(job, 'switch'), null)
  first.close()
  const second = openStore({ dir, boot: bootA, instance })
  t.teardown(() => second.close())
  const { rollouts } = second.loaded
  t.strictSame(
    [rollouts.rollouts, rollouts.runs].map((rows) => rows.length),
    [1, 1],
  )
  t.equal(rollouts.nextRollout, 3)
  t.strictSame(
    second.history.eventsOfHost('web1', 10).map(({ seq }) => seq),
    [2],
  )
})

t.test('locks go', async (t) => {
  const dir = t.testdir()
  const lock = { id: 'coreos-1', group: 'any', sinceMs: 1 }
  written(dir, { locks: { put: [lock, { ...lock, id: 'coreos-2' }], drop: [] } }).close()
  const store = written(dir, { locks: { put: [], drop: ['coreos-1'] } })
  t.teardown(() => store.close())
  t.strictSame(
    store.loaded.rollouts.locks.map(({ id }) => id),
    ['coreos-2'],
  )
})

t.test('a store of before rollouts is brought along, and a copy of it stays', async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'store.sqlite')
  const old = new Database(file)
  old.exec('CREATE TABLE schema (version INTEGER NOT NULL) STRICT; INSERT INTO schema VALUES (1)')
  old.exec(migrations[0] ?? '')
  old.prepare('INSERT INTO identity VALUES (1, 4, ?, 9, NULL)').run(instance)
  old.exec("INSERT INTO released VALUES ('gone')")
  old.close()
  const store = written(dir, { put: [aRollout()], runs: [aRun()], events: [anEvent(1)] })
  t.teardown(() => store.close())
  t.equal(store.loaded.claim.epoch, 6)
  t.strictSame([...store.loaded.released], ['gone'])
  t.equal(store.loaded.rollouts.runs.length, 1)
  const copy = new Database(`${file}.schema-1`, { readonly: true })
  t.teardown(() => copy.close())
  t.equal(copy.prepare('SELECT epoch FROM identity').pluck().get(), 4)
  t.equal(copy.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'rollouts'").pluck().get(), 0)
})
