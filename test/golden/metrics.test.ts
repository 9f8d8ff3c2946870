import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { begin } from '../../agent/core/begin.ts'
import { createMetrics } from '../../agent/metrics.ts'
import { type Closers, createClosers } from '../../coordinator/closers.ts'
import { loadCoordinatorConfig } from '../../coordinator/config.ts'
import { openEngine } from '../../coordinator/engine.ts'
import { addProbeMetrics } from '../../coordinator/metrics/probes.ts'
import { monotonicMs } from '../../daemon/clock.ts'
import { createRegistry, type Registry } from '../../daemon/metrics.ts'
import { quietLog } from '../agent/quiet-log.ts'

const path = join(import.meta.dirname, '../../docs/metrics.md')
const region = /<!-- made from (\w+) -->\n[\s\S]*?<!-- end -->/g

function onBug(cause: unknown): never {
  throw cause
}

function agentRegistry(): Registry {
  const policy = {
    ...{ host: 'web1', build: '', expectCoordinator: true, bootWithoutCoordinatorMs: null },
    ...{ onCoordinatorLost: 'keep' as const, lostAfterMs: 1 },
  }
  const nothing = { seen: null, specs: [], records: new Map(), jobs: new Map() }
  const state = begin({ policy, bootId: 'b'.repeat(32), ...nothing, atMs: 0 })
  const none = { missing: () => [], busConnected: () => true, strangers: () => 0 }
  return createMetrics({ state: () => state, nowMs: () => 0, ...none }, ['io-databases']).registry
}

async function coordinatorRegistry(dir: string, hosts: number, closers: Closers): Promise<Registry> {
  const file = join(dir, 'coordinator.json')
  const entries = Array.from({ length: hosts }, (_, at) => [`h${at}`, { address: `127.0.0.${at + 1}` }] as const)
  await writeFile(file, JSON.stringify({ stateDir: dir, pskFile: file, hosts: Object.fromEntries(entries) }))
  const config = await loadCoordinatorConfig(file)
  const boot = { id: 'b'.repeat(32), atMs: monotonicMs() }
  const { registry } = openEngine({ config, boot, log: quietLog(), onBug, closers })
  addProbeMetrics(registry)
  return registry
}

async function rowsOf(registry: Registry, except: ReadonlySet<string>): Promise<readonly string[]> {
  const metrics = await registry.getMetricsAsJSON()
  const rows = metrics
    .filter(({ name }) => !except.has(name))
    .map(({ name, type, help }) => [name, `${type}`, labelsOf(registry, name), help] as const)
  return rows
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([name, type, labels, help]) => `| \`${name}\` | ${type} | ${labels} | ${help} |\n`)
}

function labelsOf(registry: Registry, name: string): string {
  const metric: unknown = registry.getSingleMetric(name)
  const names: unknown =
    typeof metric === 'object' && metric !== null && 'labelNames' in metric ? metric.labelNames : []
  return Array.isArray(names) ? names.map((label) => `\`${label}\``).join(' ') : ''
}

t.test('docs/metrics.md lists what the daemons tell', async (t) => {
  const closers = createClosers(onBug)
  t.teardown(() => closers.close())
  const process = createRegistry()
  const shared = new Set((await process.getMetricsAsJSON()).map(({ name }) => name))
  const rows = new Map([
    ['agent', await rowsOf(agentRegistry(), shared)],
    ['coordinator', await rowsOf(await coordinatorRegistry(t.testdir(), 1, closers), shared)],
    ['both', await rowsOf(process, new Set())],
  ])
  const head = '\n| name | type | labels | what |\n| --- | --- | --- | --- |\n'
  const page = await readFile(path, 'utf8')
  const now = page.replaceAll(region, (_, source: string) => {
    return `<!-- made from ${source} -->\n${head}${rows.get(source)?.join('')}\n<!-- end -->`
  })
  if (globalThis.process.env.GUARDIAN_UPDATE === '1') await writeFile(path, now)
  else t.equal(page, now)
  for (const [, name = ''] of page.matchAll(/(guardian_\w+)/g)) {
    if (name !== 'guardian_')
      t.ok(
        [...rows.values()].flat().some((row) => row.includes(`\`${name}\``)),
        name,
      )
  }
})

t.test('the coordinator has at most 30 series a host', async (t) => {
  const closers = createClosers(onBug)
  t.teardown(() => closers.close())
  const series = async (hosts: number) => {
    const text = await (await coordinatorRegistry(t.testdir(), hosts, closers)).metrics()
    return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  }
  t.ok(((await series(101)) - (await series(1))) / 100 <= 30)
})
