import { readFile } from 'node:fs/promises'
import type { ApiClient } from '../daemon/api-client.ts'
import { randomId } from '../daemon/clock.ts'
import { fleetStatus } from '../protocol/api.ts'
import { parseKeys } from '../protocol/keys.ts'
import { type RolloutStatus, rolloutStatus } from '../protocol/rollout/api.ts'
import { type FakeAgents, openFakeAgents } from '../test/fakes/v2-agent.ts'
import { until } from '../test/hosts/until.ts'
import { type Figure, figureOf, newRuns } from './figure.ts'
import { type FleetBench, type Ground, layOut, startCoordinator } from './fleet.ts'

type RolloutBench = Omit<FleetBench, 'agents'>

const agents = 50
const parallel = 5
/** What each step takes on a host. */
const workMs = 100
/** From its slot on: a baseline, a drain, a switch, the way back into service, and the commit. */
const stepsOfHost = 5
/** From its failure on: the switch back, and the way back into service. */
const stepsOfReturn = 2

const system = `/nix/store/${'1'.repeat(32)}-nixos-system-second`
const policy = {
  source: { mode: 'closure' },
  stages: [{ name: 'all', select: '*', maxParallel: parallel, soak: '0s' }],
  health: { settle: '0s', minHealthy: '0s', deadline: '30s' },
}
const rebuilds = {
  budgets: { any: { select: '*', maxUnavailable: parallel } },
  policies: { default: policy },
}

/** A wave of a rollout over 50 hosts, beside what its hosts need by themselves. */
export async function waveFigure(bench: RolloutBench): Promise<Figure> {
  return await figured(bench, 'rollout_wave', stepsOfHost * workMs, async ({ api, plan }) => {
    const startedMs = performance.now()
    const status = await run(api, plan)
    if (status.is !== 'succeeded') throw new Error(`the rollout is ${status.is}: ${status.reason}`)
    return (performance.now() - startedMs) / (agents / parallel)
  })
}

/** From a host's failure until no host is on its way any more, beside what its own return takes. */
export async function haltFigure(bench: RolloutBench): Promise<Figure> {
  return await figured(bench, 'rollout_halt', stepsOfReturn * workMs, async ({ api, plan, fleet }) => {
    const { jobs } = fleet.agent('h7')
    jobs?.behave('active', 'fail')
    const status = await run(api, plan)
    if (status.is !== 'paused') throw new Error(`the rollout is ${status.is}, and was to stop`)
    return performance.now() - (jobs?.failedAtMs ?? Number.NaN)
  })
}

interface Planned {
  readonly api: ApiClient
  readonly plan: string
  readonly fleet: FakeAgents
}

async function figured(
  bench: RolloutBench,
  key: string,
  ownMs: number,
  measure: (planned: Planned) => Promise<number>,
): Promise<Figure> {
  const { values, references } = newRuns()
  for (let run = 0; run < bench.runs; run += 1) {
    await using ground = await layOut(agents, { rebuilds })
    await using fleet = await startFleet(ground)
    await using _coordinator = await startCoordinator(bench, ground)
    values.push(await measure({ api: ground.api, plan: await planned(ground.api), fleet }))
    references.push(ownMs)
  }
  return figureOf(key, { values, references })
}

async function startFleet({ keyFile, port }: Ground): Promise<FakeAgents> {
  const keys = parseKeys(await readFile(keyFile, 'utf8'), keyFile)
  const hosts = Array.from({ length: agents }, (_, at) => `h${at}`)
  const keyOf = (host: string) => keys.map((key) => key.derive(host))
  return await openFakeAgents({ hosts, keyOf, address: '0.0.0.0', port, workMs, takesJobs: true })
}

/** The hash of a plan for every host, once all are in service. */
async function planned(api: ApiClient): Promise<string> {
  await until('every host is open', async () => {
    const status = await api.get('/v1/status', fleetStatus).catch(() => null)
    return status?.hosts.every(({ connected, targets }) => connected && targets[0]?.is === 'open') ?? false
  })
  const systems = Object.fromEntries(Array.from({ length: agents }, (_, at) => [`h${at}`, system]))
  const request = { id: randomId(), policy: 'default', operator: 'bench', source: { mode: 'closure', systems } }
  const { id } = await api.post('/v1/rollouts', request, rolloutStatus)
  return await until('the plan is made', async () => {
    const { is, plan } = await api.get(`/v1/rollouts/${id}`, rolloutStatus)
    return is === 'planned' && (plan ?? false)
  })
}

/** Its status once it rests. */
async function run(api: ApiClient, plan: string): Promise<RolloutStatus> {
  await api.post('/v1/rollouts/r1/start', { plan, operator: 'bench' }, rolloutStatus)
  for await (const { value } of api.follow('/v1/rollouts/r1', rolloutStatus)) {
    if (value.settled) return value
  }
  throw new Error('the coordinator told no end')
}
