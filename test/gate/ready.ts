import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { monotonicMs } from '../../daemon/clock.ts'
import { runGate } from '../../gate/main.ts'
import type { GateLog } from '../../gate/report.ts'
import { parseKeys } from '../../protocol/keys.ts'
import { openFakeApi } from '../fakes/coordinator-api.ts'
import { fleetOf, type progressOf } from '../fakes/fleet-status.ts'
import { openFakeAgents } from '../fakes/v2-agent.ts'

export const line = 'a key of more than thirty-two characters'
const [key] = parseKeys(line, 'test')
export const bootId = '0123456789abcdef0123456789abcdef'
export const target = 'io-databases'

interface Options {
  readonly hosts?: readonly string[]
  readonly waves?: readonly string[]
  readonly gateDeadline?: string
  readonly workMs?: number
  readonly config?: object
  readonly silenceMs?: number
}

/** The lines of a log, each as level, fields and text in one. */
function keptLog(): GateLog & { readonly lines: readonly string[]; text(): string } {
  const lines: string[] = []
  const keep = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  }
  return { lines, info: keep('info'), warn: keep('warn'), error: keep('error'), text: () => lines.join('\n') }
}

export async function openGate(t: Test, options: Options = {}) {
  const { hosts = ['web1', 'web2', 'web3'], gateDeadline = '20s', workMs = 20, waves = [] } = options
  const api = await openFakeApi(fleetOf())
  t.teardown(() => api[Symbol.asyncDispose]())
  const directory = await mkdtemp(join(tmpdir(), 'guardian-gate-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const keyOf = (host: string) => (key === undefined ? [] : [key.derive(host)])
  const agents = await openFakeAgents({ hosts, keyOf, workMs, address: '0.0.0.0' })
  t.teardown(() => agents[Symbol.asyncDispose]())
  const gateDir = join(directory, 'gates')
  await mkdir(gateDir)
  const file = (name: string) => join(directory, name)
  await writeFile(file('psk'), line, { mode: 0o600 })
  await writeFile(file('boot'), bootId)
  const dials = hosts.map((host, at) => [
    host,
    { address: `127.0.0.${at + 1}`, port: agents.port, tags: [host.slice(0, 3)] },
  ])
  const config = {
    runtimeDir: api.directory,
    gateDir,
    bootIdFile: file('boot'),
    pskFile: file('psk'),
    hosts: Object.fromEntries(dials),
    resources: { postgresql: { gate: 'local', gateDeadline }, redis: {} },
    targets: { [target]: { needs: ['postgresql'], waves, drainDeadline: '1s' } },
    unreachableGrace: '300ms',
    ...options.config,
  }
  await writeFile(file('coordinator.json'), JSON.stringify(config))
  const log = keptLog()
  const ended = new AbortController()
  const gate = (state: 'up' | 'down', resource = 'postgresql') => {
    const silence = options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }
    const parts = { startedMs: monotonicMs(), env: {}, signal: ended.signal, log, ...silence }
    return runGate({ state, resource, config: file('coordinator.json') }, parts)
  }
  const record = async (): Promise<unknown> => JSON.parse(await readFile(join(gateDir, 'postgresql'), 'utf8'))
  return { api, agents, gate, log, gateDir, directory, record, config, file, end: () => ended.abort() }
}

export function drained(...states: readonly ReturnType<typeof progressOf>[]) {
  const settled = states.every(({ is }) => is !== 'moving' && is !== 'waiting')
  return { want: 'drained' as const, settled, superseded: false, hosts: [...states] }
}
