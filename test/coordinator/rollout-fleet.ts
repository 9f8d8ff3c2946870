import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type ApiClient, createApiClient } from '../../daemon/api-client.ts'
import { randomId } from '../../daemon/clock.ts'
import { fleetStatus } from '../../protocol/api.ts'
import { generateKey, Key } from '../../protocol/keys.ts'
import { type RolloutStatus, rolloutStatus } from '../../protocol/rollout/api.ts'
import { type FakeAgents, openFakeAgents } from '../fakes/v2-agent.ts'
import { until } from '../hosts/until.ts'

const main = join(import.meta.dirname, '../../bin/guardian.ts')

/** A coordinator as a process of its own, and agents that take rebuilds, over real sockets. */
export interface RolloutFleet {
  readonly client: ApiClient
  readonly agents: FakeAgents
  readonly hosts: readonly string[]
  /** Resolves when every link is up. */
  start(): Promise<void>
  kill(): Promise<void>
  /** Plans for every host and starts it, once the plan is made. */
  begin(system: string): Promise<RolloutStatus>
  status(): Promise<RolloutStatus>
  order(said: object): Promise<RolloutStatus>
  /** The first status of which `is` says so. */
  until(condition: string, is: (status: RolloutStatus) => boolean): Promise<RolloutStatus>
}

export async function aRolloutFleet(
  t: Test,
  {
    hosts,
    rebuilds,
    workMs = 0,
  }: { readonly hosts: readonly string[]; readonly rebuilds: object; readonly workMs?: number },
): Promise<RolloutFleet> {
  const dir = mkdtempSync(join(tmpdir(), 'guardian-rollout-'))
  const key = new Key(generateKey())
  const keyOf = (host: string) => [key.derive(host)]
  const agents = await openFakeAgents({ hosts, keyOf, address: '0.0.0.0', takesJobs: true, workMs })
  const config = join(dir, 'coordinator.json')
  mkdirSync(join(dir, 'gate'))
  writeFileSync(join(dir, 'psk'), key.line(), { mode: 0o600 })
  writeFileSync(join(dir, 'boot-id'), randomId())
  const entries = hosts.map((host, at) => [host, { address: `127.0.0.${at + 1}`, port: agents.port, tags: ['web'] }])
  const paths = { stateDir: `${dir}/state`, runtimeDir: `${dir}/run`, gateDir: `${dir}/gate` }
  const rest = { bootIdFile: `${dir}/boot-id`, pskFile: `${dir}/psk`, log: { level: 'fatal' } }
  writeFileSync(config, JSON.stringify({ ...paths, ...rest, hosts: Object.fromEntries(entries), rebuilds }))
  const client = createApiClient({ kind: 'socket', path: join(dir, 'run', 'api.sock') })
  let end: () => Promise<void> = async () => {}
  t.teardown(async () => {
    await end()
    await agents[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true })
  })

  const get = () => client.get('/v1/rollouts/r1', rolloutStatus)
  const reached = (condition: string, is: (status: RolloutStatus) => boolean) =>
    until(condition, async () => {
      const status = await get().catch(() => null)
      return status !== null && is(status) && status
    })

  return {
    client,
    agents,
    hosts,
    status: get,
    until: reached,
    kill: () => end(),
    async start() {
      const args = ['--import=tsx', main, 'coordinator', '--config', config]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
      const exited = once(child, 'exit')
      end = async () => {
        child.kill('SIGKILL')
        await exited
      }
      await until('every link is up', async () => {
        const status = await client.get('/v1/status', fleetStatus).catch(() => null)
        return status?.hosts.every(({ connected, targets }) => connected && targets[0]?.is === 'open') ?? false
      })
    },
    async begin(system) {
      const systems = Object.fromEntries(hosts.map((host) => [host, system]))
      const request = { id: randomId(), policy: 'default', operator: 'ann', source: { mode: 'closure', systems } }
      await client.post('/v1/rollouts', request, rolloutStatus)
      const { plan } = await reached('the plan is made', ({ is }) => is === 'planned')
      return await client.post('/v1/rollouts/r1/start', { plan, operator: 'ann' }, rolloutStatus)
    },
    order: (said) => client.post('/v1/rollouts/r1/order', { operator: 'ann', ...said }, rolloutStatus),
  }
}
