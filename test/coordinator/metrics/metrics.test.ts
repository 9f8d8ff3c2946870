import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { FleetPlan, FleetState } from '../../../coordinator/core/state.ts'
import { addEventMetrics, addFleetMetrics } from '../../../coordinator/metrics/fleet.ts'
import { addHoldMetrics } from '../../../coordinator/metrics/holds.ts'
import { addHostMetrics, addTargetMetrics } from '../../../coordinator/metrics/hosts.ts'
import { addOrderMetrics } from '../../../coordinator/metrics/orders.ts'
import { addProbeMetrics } from '../../../coordinator/metrics/probes.ts'
import { addResourceMetrics } from '../../../coordinator/metrics/resources.ts'
import { addRolloutMetrics } from '../../../coordinator/metrics/rollouts.ts'
import { timedCommit } from '../../../coordinator/metrics/store.ts'
import { noteKinds } from '../../../coordinator/notes.ts'
import { Registry } from '../../../daemon/metrics.ts'
import { GuardianError } from '../../../protocol/errors.ts'
import { aHold, aSave } from '../adapters/store-samples.ts'
import { aFleet, aPlan } from '../http/api-parts.ts'

const checker = 'promtool'
const golden = join(import.meta.dirname, '../../golden/coordinator-metrics.txt')

function scrapeOf(read: () => FleetState) {
  const registry = new Registry()
  const orders = addOrderMetrics(registry)
  const count = addEventMetrics(registry, noteKinds)
  const probed = addProbeMetrics(registry)
  addFleetMetrics(registry, read)
  addHostMetrics(registry, read)
  addTargetMetrics(registry, read)
  addHoldMetrics(registry, read)
  addResourceMetrics(registry, read)
  addRolloutMetrics(registry, read)
  return { registry, orders, count, probed }
}

t.test('a scrape is what the golden file says', async (t) => {
  const { loop, parts } = aFleet({ plan: aPlan(['web1', 'old1']) })
  const { registry, orders, count, probed } = scrapeOf(() => ({ ...loop.state, awaiting: new Set(['old1']) }))
  const commit = timedCommit(registry, (save) => {
    if (save.release.length > 0) throw new GuardianError('not-persisted', 'full')
  })
  t.throws(() => commit(aSave({ claim: loop.state.claim, release: ['x'] })), { code: 'not-persisted' })
  const hello = { type: 'hello', version: 2, host: 'web1', bootId: 'e'.repeat(32), build: 'x', seen: null } as const
  await parts.tell({ type: 'link-up', host: 'web1', link: '1', hello: { ...hello, clockMs: 1, targets: [] } })
  await parts.tell({ type: 'round-trip', host: 'web1', link: '1', ms: 1.5 })
  await parts.tell({ type: 'probed', resource: 'postgresql', ready: true, reason: 'accepts connections' })
  const gate = { is: 'down', seq: 2, bootId: 'b'.repeat(32) } as const
  await parts.tell({ type: 'gate-read', resource: 'postgresql', gate })
  const message = { type: 'command', id: '7', action: 'undrain', target: 'io-databases', release: [] } as const
  const authority = { kind: 'coordinator', claim: loop.state.claim } as const
  orders.sent('web1', { ...message, authority, release: [], allow: true, limitMs: 1 })
  orders.sent('old1', { ...message, id: '8', authority, release: [], allow: true, limitMs: 1 })
  orders.lost('old1')
  orders.told({ type: 'response', id: '8', outcome: 'ok', message: '', units: [], report: null })
  orders.toldV1('drain', true)
  count('gate-down')
  probed('postgresql', true)
  orders.told({ type: 'response', id: '7', outcome: 'deadline', message: '', units: [], report: null })
  const text = steady(await registry.metrics())
  if (process.env.GOLDEN === 'write') writeFileSync(golden, text)
  t.equal(text, readFileSync(golden, 'utf8'))
  const { error, status, stderr, stdout } = spawnSync(checker, ['check', 'metrics'], { input: text })
  if (error === undefined) t.equal(status, 0, `${stderr}${stdout}`)
})

for (const targets of [1, 2, 3, 32]) {
  t.test(`at most 30 series a host that has ${targets} targets`, async (t) => {
    const plan = planWith(100, targets)
    const { loop, parts } = aFleet({ plan })
    const hello = { type: 'hello', version: 2, bootId: 'e'.repeat(32), build: 'x', seen: null, clockMs: 1 } as const
    for (const host of plan.hosts.keys()) {
      await parts.tell({ type: 'link-up', host, link: host, hello: { ...hello, host, targets: [] } })
      await parts.tell({ type: 'round-trip', host, link: host, ms: 1 })
    }
    const { registry } = scrapeOf(() => ({ ...loop.state, awaiting: new Set(plan.hosts.keys()) }))
    const lines = (await registry.metrics()).split('\n')
    for (const host of ['web0', 'web99']) {
      const count = lines.filter((line) => line.includes(`host="${host}"`)).length
      t.ok(count > 10 && count <= 30, `${count} series`)
    }
    t.ok(lines.length < 31 * 100 + 200, `${lines.length} lines in all`)
  })
}

t.test('orders that nobody answers are forgotten, the oldest first', async (t) => {
  const registry = new Registry()
  const orders = addOrderMetrics(registry)
  const authority = { kind: 'coordinator', claim: { epoch: 1, instance: 'a'.repeat(32), revision: 1 } } as const
  const rest = { type: 'command', action: 'undrain', target: 'io-databases', release: [], authority } as const
  for (let id = 0; id <= 20_000; id += 1) {
    orders.sent('web1', { ...rest, id: String(id), release: [], allow: true, limitMs: 1 })
  }
  for (const id of ['0', '1', '20000']) {
    orders.told({ type: 'response', id, outcome: 'ok', message: '', units: [], report: null })
  }
  const counted = (await registry.metrics()).split('\n').filter((line) => line.startsWith('guardian_orders_total'))
  t.ok(counted.includes('guardian_orders_total{action="undrain",outcome="ok"} 2'))
})

t.test('the age of a hold is that of the oldest', async (t) => {
  const holds = new Map([
    ['a', aHold({ id: 'a', sinceMs: Date.now() - 7_200_000 })],
    ['b', aHold({ id: 'b', sinceMs: Date.now() - 60_000, owner: 'gate:postgresql', persisted: false, orphan: true })],
  ])
  const { registry } = scrapeOf(() => aFleet({ state: { holds } }).loop.state)
  const text = await registry.metrics()
  t.match(text, /guardian_hold_oldest_age_seconds\{owner="operator"\} 72\d\d/)
  t.match(text, /guardian_holds\{owner="gate"\} 1\n/)
  t.match(text, /guardian_holds_orphaned 1\n/)
  t.match(text, /guardian_holds_not_persisted 1\n/)
})

function planWith(hostCount: number, targetCount: number): FleetPlan {
  const plan = aPlan(Array.from({ length: hostCount }, (_, at) => `web${at}`))
  const one = plan.targets.get('io-databases')
  if (one === undefined) throw new Error('no target')
  const names = Array.from({ length: targetCount }, (_, at) => `target${at}`)
  return {
    ...plan,
    hosts: new Map([...plan.hosts].map(([name, host]) => [name, { ...host, targets: names }])),
    targets: new Map(names.map((name) => [name, { ...one, name }])),
  }
}

/** Times differ from run to run. */
function steady(text: string): string {
  return text
    .replaceAll(/^(guardian_(?:order|store_write)_duration_seconds_(?:bucket|sum)\S*) \S+$/gm, '$1 TIME')
    .replaceAll(/^(guardian_hold_oldest_age_seconds\S*) \S+$/gm, '$1 TIME')
    .replaceAll(' TIME', ' 0')
}
