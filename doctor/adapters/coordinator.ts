import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { gateFile } from '../../coordinator/adapters/gate-files.ts'
import type { CoordinatorConfig } from '../../coordinator/config.ts'
import { createApiClient } from '../../daemon/api-client.ts'
import { build } from '../../daemon/build.ts'
import type { ProbeSpec } from '../../daemon/probe.ts'
import { codeOf } from '../../daemon/reason.ts'
import { fleetStatus } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { type ApiFacts, type CoordinatorFacts, operators, type SocketFacts } from '../core/coordinator.ts'
import type { SecretFacts } from '../core/files.ts'
import { type GateFacts, gateUnitOf } from '../core/gate.ts'
import { agentUnit } from '../core/target.ts'
import type { UnitFacts } from '../core/unit.ts'
import { type Account, accountOf, groupName, groupsOf } from './accounts.ts'
import { anonymousOf, type Patient } from './agent.ts'
import { readHosts } from './hosts.ts'
import { keySource, readSecret, type SecretQuestion, tlsQuestions } from './secrets.ts'
import type { UnitReader } from './systemd.ts'

export const coordinatorUnit = 'io-guardian-coordinator.service'

/** Looks at everything that a coordinator's configuration names, and asks the coordinator and its hosts. */
export async function readCoordinator(
  config: CoordinatorConfig,
  { reader, unitDir }: Patient,
  hasAgent: boolean,
): Promise<CoordinatorFacts> {
  const unit = (await reader?.read(coordinatorUnit)) ?? null
  const account = await accountOf(unit)
  const socket = join(config.runtimeDir, 'api.sock')
  const api = await askStatus(socket)
  const status = api.is === 'answers' ? api.status : null
  const key = keySource(config.pskFile, unit?.service ?? null, account)
  return {
    source: config.file,
    daemon: { what: 'coordinator', unit, unitDir, build: status?.build ?? null, program: build },
    secrets: await readSecrets(config, key, account),
    api,
    socket: await readSocket(socket, reader, hasAgent),
    gates: reader === null ? [] : await readGates(config, reader, { unitDir, hasAgent }),
    ungated: [...config.probes].flatMap(([name, probe]) =>
      isLocal(probe) && config.plan.resources.get(name)?.gate === null ? [name] : [],
    ),
    waves: [...config.plan.targets.values()].map(({ name, waves }) => ({
      target: name,
      selectors: waves,
      hosts: [...config.plan.hosts.values()].filter(({ targets }) => targets.includes(name)),
    })),
    hosts: await readHosts({ ...config, pskFile: key?.path ?? null }, status),
    probes: { source: config.file, anonymous: anonymousOf(config.probes) },
  }
}

async function askStatus(path: string): Promise<ApiFacts> {
  try {
    return { is: 'answers', status: await createApiClient({ kind: 'socket', path }).get('/v1/status', fleetStatus) }
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
    const isForbidden = cause.fields.why === 'EACCES' || cause.fields.why === 'EPERM'
    return { is: isForbidden ? 'forbidden' : 'silent', reason: cause.message }
  }
}

async function readSecrets(
  config: CoordinatorConfig,
  key: ReturnType<typeof keySource>,
  account: Account,
): Promise<readonly SecretFacts[] | null> {
  const isNeeded = config.tls === null && [...config.dials.values()].some(({ protocol }) => protocol === 'v2')
  if (key === null && isNeeded) return null
  const make = (path: string): string => `guardian keygen --out ${path}`
  const asked: SecretQuestion[] = [...tlsQuestions(config.tls, account)]
  if (key !== null) asked.unshift({ ...key, what: 'key of the fleet', kind: 'keys', make: make(key.path) })
  const v1 = config.v1PskFile
  if (v1 !== null) asked.push({ path: v1, what: 'v1 key', kind: 'keys', reader: account, make: make(v1) })
  for (const { name, file: path } of config.api.tokens)
    asked.push({ path, what: `token ${name}`, kind: 'token', reader: account, make: make(path) })
  return await Promise.all(asked.map(readSecret))
}

async function readSocket(path: string, reader: UnitReader | null, hasAgent: boolean): Promise<SocketFacts | null> {
  const file = await stat(path).catch(() => null)
  if (file === null) return null
  const agent = hasAgent ? (await accountOf((await reader?.read(agentUnit)) ?? null)).name : null
  const isIn = agent !== null && agent !== 'root' && (await groupsOf(agent)).includes(operators)
  return { path, group: await groupName(file.gid), mode: file.mode, agentInGroup: isIn ? agent : null }
}

interface GateParts {
  readonly unitDir: string
  readonly hasAgent: boolean
}

async function readGates(
  config: CoordinatorConfig,
  reader: UnitReader,
  parts: GateParts,
): Promise<readonly GateFacts[]> {
  const clusters = await reader.loaded('postgresql@*.service')
  const agent = parts.hasAgent ? await reader.read(agentUnit) : null
  const gated = [...config.plan.resources.values()].flatMap(({ name, gate }) =>
    gate === null ? [] : [{ name, ...gate }],
  )
  return await Promise.all(
    gated.map(async ({ name: resource, limitMs }): Promise<GateFacts> => {
      const gate = await reader.read(gateUnitOf(resource))
      const bound = await Promise.all(gate.bindsTo.map((unit): Promise<UnitFacts> => reader.read(unit)))
      const file = await readGateFile(config, resource)
      return { resource, limitMs, gate, bound, clusters, agent, unitDir: parts.unitDir, file }
    }),
  )
}

async function readGateFile({ gateDir }: CoordinatorConfig, resource: string): Promise<GateFacts['file']> {
  const path = join(gateDir, resource)
  try {
    const { state } = v.parse(v.pipe(v.string(), v.parseJson(), gateFile), await readFile(path, 'utf8'))
    return { path, is: state }
  } catch (cause) {
    const code = codeOf(cause)
    return { path, is: code === 'ENOENT' ? 'missing' : code === 'EACCES' ? 'unseen' : 'unreadable' }
  }
}

function isLocal(probe: ProbeSpec): boolean {
  if (probe.type === 'unit') return true
  const host = probe.type === 'http' ? new URL(probe.url).hostname : probe.host
  return host === 'localhost' || host.startsWith('127.') || host.startsWith('/') || /^\[?::1\]?$/.test(host)
}
