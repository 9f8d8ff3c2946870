import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Agent, openAgent } from '../../agent/agent.ts'
import { loadAgentConfig } from '../../agent/config.ts'
import { type AgentLink, dialAgent } from '../../daemon/dial.ts'
import type { Notify } from '../../daemon/notify.ts'
import { generateKey, Key } from '../../protocol/keys.ts'
import type { Response } from '../../protocol/v2/command.ts'
import type { Report } from '../../protocol/v2/report.ts'
import type { AgentMessage, ClientMessage } from '../../protocol/v2.ts'
import type { Dependent } from '../hosts/graph.ts'
import { type Manager, startManager } from '../hosts/manager.ts'
import { quietLog } from './quiet-log.ts'

/** An agent in this process, on a systemd of its own. */
export interface AgentRig extends AsyncDisposable {
  readonly host: Manager
  readonly agent: Agent
  readonly key: Key
  readonly pskFile: string
  readonly configFile: string
  /** What systemd was told, in order. */
  readonly notified: readonly string[]
  /** Whatever the agent died of. */
  readonly deaths: readonly unknown[]
  writeConfig(more: object): Promise<void>
  /** Ends the agent as a stop of its unit does, and opens it again. */
  restart(): Promise<void>
  close(): Promise<void>
}

export const target = 'io-databases'
export const top = `${target}.target`

export async function openAgentRig(
  dependents: readonly Dependent[],
  config: object = {},
  prepare: (host: Manager) => Promise<void> = async () => {},
): Promise<AgentRig> {
  const host = await startManager({ name: 'agent' })
  const line = generateKey()
  const places = { configFile: join(host.root, 'agent.json'), pskFile: join(host.root, 'psk') }
  const notified: string[] = []
  const deaths: unknown[] = []
  const writeConfig = (more: object) =>
    writeFile(places.configFile, JSON.stringify({ ...base(host, places.pskFile), ...config, ...more }))
  const open = () =>
    openAgent({
      load: () => loadAgentConfig(places.configFile),
      env: {},
      log: quietLog(),
      notify: noteAll(notified),
      die: (cause) => deaths.push(cause),
    })
  try {
    await mkdir(join(host.runDir, 'agent'))
    await writeFile(places.pskFile, `${line}\n`, { mode: 0o600 })
    await writeConfig({})
    await host.writeGraph({ target, dependents, stateDir: join(host.stateDir, 'agent') })
    await host.systemctl('start', top)
    await prepare(host)
    let agent = await open()
    return {
      host,
      get agent() {
        return agent
      },
      key: new Key(line),
      ...places,
      notified,
      deaths,
      writeConfig,
      async restart() {
        await agent[Symbol.asyncDispose]()
        agent = await open()
      },
      close: () => Promise.resolve(agent[Symbol.asyncDispose]()),
      async [Symbol.asyncDispose]() {
        await agent[Symbol.asyncDispose]()
        await host.stop()
      },
    }
  } catch (cause) {
    await host.stop()
    throw cause
  }
}

function base(host: Manager, pskFile: string): object {
  return {
    host: 'web1',
    listen: { address: '127.0.0.1', port: 0 },
    pskFile,
    bus: host.bus,
    stateDir: join(host.stateDir, 'agent'),
    runtimeDir: join(host.runDir, 'agent'),
    expectCoordinator: false,
    log: { level: 'fatal' },
  }
}

function noteAll(notified: string[]): Notify {
  return {
    ready: () => notified.push('ready'),
    status: (text) => notified.push(text),
    reloading: () => notified.push('reloading'),
    stopping: () => notified.push('stopping'),
    watchdogMs: null,
    alive: () => {},
  }
}

/** A link in a person's name, with orders that wait for their answer. */
export interface Person {
  readonly link: AgentLink
  drain(id: string, limitMs?: number): Promise<Response>
  undrain(id: string, limitMs?: number): Promise<Response>
  status(): Promise<Report>
  /** Milliseconds of a round trip. */
  ping(): Promise<number>
}

const authority = { kind: 'direct', operator: 'anna' } as const

export async function greet(port: number, keys: readonly Key[]): Promise<Person> {
  const link = await dialAgent({
    address: '127.0.0.1',
    port,
    host: 'web1',
    keys,
    authority,
    build: 't',
    limitMs: 5_000,
  })
  const waiting = new Set<(message: AgentMessage) => boolean>()
  link.listen({
    message: (message) => {
      for (const take of waiting) if (take(message)) waiting.delete(take)
    },
    closed: () => waiting.clear(),
  })
  const ask = <Answer>(question: ClientMessage, read: (message: AgentMessage) => Answer | null): Promise<Answer> =>
    new Promise((resolve) => {
      waiting.add((message) => {
        const answer = read(message)
        if (answer !== null) resolve(answer)
        return answer !== null
      })
      link.send(question)
    })
  let count = 0
  const order = (parts: DrainParts | UndrainParts, limitMs: number): Promise<Response> => {
    count += 1
    const id = `${count}`
    const question: ClientMessage = { type: 'command', id, target, authority, limitMs, ...parts }
    return ask(question, (message) => (message.type === 'response' && message.id === id ? message : null))
  }
  return {
    link,
    drain: (id, limitMs = 30_000) => order({ action: 'drain', holds: [holdOf(id)], release: [] }, limitMs),
    undrain: (id, limitMs = 30_000) => order({ action: 'undrain', release: [id], allow: true }, limitMs),
    status: () => ask({ type: 'status' }, (message) => (message.type === 'report' ? message : null)),
    async ping() {
      const sentMs = performance.now()
      await ask({ type: 'ping', nonce: 1, claim: null }, (message) => (message.type === 'pong' ? message : null))
      return performance.now() - sentMs
    },
  }
}

interface DrainParts {
  readonly action: 'drain'
  readonly holds: [ReturnType<typeof holdOf>]
  readonly release: []
}

interface UndrainParts {
  readonly action: 'undrain'
  readonly release: [string]
  readonly allow: boolean
}

function holdOf(id: string) {
  return { id, owner: 'direct' as const, message: 'test', sinceMs: 1, selector: '*', except: [] }
}
