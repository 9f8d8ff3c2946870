import t, { type Test } from 'tap'
import { openStore } from '../../coordinator/adapters/sqlite-store.ts'
import type { RolloutHistory } from '../../coordinator/adapters/store.ts'
import { createChanges } from '../../coordinator/changes.ts'
import { beginRollouts } from '../../coordinator/core/rollout/begin.ts'
import { createJobLogs } from '../../coordinator/job-logs.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { JobLog } from '../../protocol/v2/job.ts'
import { quietLog } from '../agent/quiet-log.ts'
import { aRollout, aRolloutSave, aRun } from './adapters/rollout-samples.ts'
import { aSave, bootA } from './adapters/store-samples.ts'
import { aFleet } from './http/api-parts.ts'

const job = 'f'.repeat(32)
const said = (text: string, more: Partial<JobLog> = {}): JobLog => ({
  ...{ type: 'log', job, stream: 'switch', lines: [{ cursor: text, atMs: 5, text }] },
  ...more,
})

function aScene(t: Test, change: Partial<RolloutHistory> = {}) {
  const store = openStore({ dir: t.testdir(), boot: bootA, instance: 'a'.repeat(32) })
  t.teardown(() => store.close())
  const rollouts = [aRollout({ now: { is: 'paused', was: 'running', by: 'operator' } })]
  const runs = [aRun(), aRun({ host: 'web2', job: 'e'.repeat(32) })]
  store.commit(aSave({ claim: store.loaded.claim, rollouts: aRolloutSave({ put: rollouts, runs }) }))
  const stored = { rollouts, runs, locks: [], nextRollout: 2, nextEvent: 1 }
  const { state } = aFleet({ state: { rollouts: beginRollouts(stored) } }).loop
  const kept = new Set(['r1'])
  const changes = createChanges()
  const history = { ...store.history, ...change }
  const logs = createJobLogs({ log: quietLog(), history, changes, isKept: (id) => kept.has(id) })
  const texts = () => {
    const all = { rollout: 'r1', host: null, stream: null, after: 0, limit: 99, last: null }
    return store.history.lines(all).map(({ host, text }) => `${host} ${text}`)
  }
  return { logs, state, texts, kept, changes }
}

t.test('what comes together is kept together, and who follows is woken once', async (t) => {
  const { logs, state, texts, changes } = aScene(t)
  let woken = 0
  await new Promise<void>((resolve) => {
    changes.listen('r1', () => {
      woken += 1
      resolve()
    })
    for (const text of ['1', '2', '2']) logs.take(state, 'web1', said(text))
    logs.take(state, 'web2', said('1', { job: 'e'.repeat(32) }))
    t.strictSame(texts(), [])
  })
  t.strictSame(texts(), ['web1 1', 'web1 2', 'web2 1'])
  t.equal(woken, 1)
})

t.test('lines of a job that the host does not have are dropped', async (t) => {
  const { logs, state, texts } = aScene(t)
  logs.take(state, 'web2', said('of web1'))
  logs.take(state, 'web9', said('of nobody'))
  logs.close()
  t.strictSame(texts(), [])
})

t.test('a rollout that is gone meanwhile takes no lines', async (t) => {
  const { logs, state, texts, kept } = aScene(t)
  logs.take(state, 'web1', said('1'))
  kept.clear()
  logs.close()
  t.strictSame(texts(), [])
})

t.test('an order names the last lines, those that are being gathered too', async (t) => {
  const { logs, state } = aScene(t)
  const settings = {
    adopt: false,
    activateLimitMs: 1,
    rebootLimitMs: 1,
    confirmMs: 1,
    settleMs: 1,
    probes: [],
    self: null,
  }
  const what = { want: 'active', mode: 'live', source: aRun().source } as const
  const claim = { epoch: 1, instance: 'a'.repeat(32), revision: 1 }
  const order = { type: 'job', id: '1', claim, job, rollout: 'r1', ...what, ...settings } as const
  const lastOf = () => logs.commandOf({ ...order, probes: [] }).logAfter
  t.strictSame(lastOf(), { plan: null, switch: null })
  logs.take(state, 'web1', said('s=1'))
  t.strictSame(lastOf(), { plan: null, switch: 's=1' })
})

t.test('a store that refuses them wakes nobody, and is no bug', async (t) => {
  const together = (): void => {
    throw new GuardianError('not-persisted', 'full')
  }
  const { logs, state, changes } = aScene(t, { together })
  changes.listen('r1', () => t.fail('woken'))
  logs.take(state, 'web1', said('1'))
  logs.close()
  t.pass()
})
