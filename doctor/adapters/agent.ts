import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { marker, markerPath } from '../../agent/adapters/marker-store.ts'
import type { AgentConfig, TargetPlan } from '../../agent/config.ts'
import { build } from '../../daemon/build.ts'
import { wallMs } from '../../daemon/clock.ts'
import { readAs } from '../../daemon/durable-file.ts'
import type { ProbeSpec } from '../../daemon/probe.ts'
import { codeOf } from '../../daemon/reason.ts'
import type { AgentFacts, DirectoryFacts } from '../core/agent.ts'
import type { SecretFacts } from '../core/files.ts'
import type { MarkerFacts } from '../core/marker.ts'
import { agentUnit, type TargetFacts, waitUnitOf } from '../core/target.ts'
import type { UnitFacts, Units } from '../core/unit.ts'
import { type Account, accountOf, may } from './accounts.ts'
import { readDoor } from './door.ts'
import { readRights } from './rights.ts'
import { keySource, readSecret, type SecretQuestion, tlsQuestions } from './secrets.ts'
import type { UnitReader } from './systemd.ts'

export interface Patient {
  /** Null where systemd does not answer. */
  readonly reader: UnitReader | null
  readonly bus: string
  readonly unitDir: string
}

/** Looks at everything that an agent's configuration names. */
export async function readAgent(config: AgentConfig, patient: Patient): Promise<AgentFacts> {
  const { reader, bus, unitDir } = patient
  const unit = (await reader?.read(agentUnit)) ?? null
  const account = await accountOf(unit)
  const file = existsSync(config.source) ? config.source : null
  const units = reader === null ? null : new Catalogue(reader, await reader.readAll())
  const targets: TargetFacts[] = []
  for (const plan of config.targets) {
    if (units !== null) targets.push(await readTarget({ config, plan, units, unitDir }))
  }
  const { door, build: running } = await readDoor(config.listen)
  const stopped = config.targets.flatMap(({ spec, dependents }) => [spec.unit, ...dependents])
  return {
    source: config.source,
    file: file === null ? null : { path: file, readable: await may(account, 'read', file) },
    daemon: { what: 'agent', unit, unitDir, build: running, program: build },
    user: account.name,
    secrets: await readSecrets(config, unit, account),
    door,
    rights: await readRights({ bus, account, pid: unit?.service?.mainPid ?? 0, units: stopped }),
    stateDir: await readStateDir(config.stateDir, account, unit),
    targets: units === null ? null : targets,
    markers: await Promise.all(config.targets.map(({ spec }) => readMarker(config, spec.name))),
    probes: { source: config.source, anonymous: anonymousOf(config.resources) },
  }
}

/** Resources whose PostgreSQL is asked without a role of its own. */
export function anonymousOf(probes: ReadonlyMap<string, ProbeSpec>): readonly string[] {
  return [...probes].flatMap(([name, probe]) => (probe.type === 'postgres' && probe.user === undefined ? [name] : []))
}

/** Units by the names that they are asked for; what systemd has not is in it as `not-found`. */
class Catalogue {
  readonly #reader: UnitReader
  readonly #units: Map<string, UnitFacts>

  constructor(reader: UnitReader, units: Units) {
    this.#reader = reader
    this.#units = new Map(units)
  }

  get units(): Units {
    return this.#units
  }

  async need(name: string): Promise<UnitFacts> {
    const known = this.#units.get(name)
    if (known !== undefined) return known
    const facts = await this.#reader.read(name)
    this.#units.set(facts.unit, facts)
    return facts
  }
}

interface TargetParts {
  readonly config: AgentConfig
  readonly plan: TargetPlan
  readonly units: Catalogue
  readonly unitDir: string
}

async function readTarget({ config, plan, units, unitDir }: TargetParts): Promise<TargetFacts> {
  const top = await units.need(plan.spec.unit)
  const waitUnit = waitUnitOf(top.unit)
  for (const name of [waitUnit, agentUnit, ...top.wants, ...top.upholds]) await units.need(name)
  const dependents: string[] = []
  for (const name of plan.dependents) dependents.push((await units.need(name)).unit)
  return {
    target: plan.spec.name,
    unit: top.unit,
    waitUnit,
    marker: markerPath(config.stateDir, plan.spec.name),
    mount: await mountOf(config.stateDir),
    unitDir,
    dependents,
    units: units.units,
  }
}

async function readSecrets(
  config: AgentConfig,
  unit: UnitFacts | null,
  account: Account,
): Promise<readonly SecretFacts[] | null> {
  const key = keySource(config.pskFile, unit?.service ?? null, account)
  if (key === null && config.tls === null) return null
  const derive = `guardian keygen --host ${config.policy.host} --psk-file FLEETKEY --out`
  const asked: SecretQuestion[] = [...tlsQuestions(config.tls, account)]
  if (key !== null) {
    const make = `${derive} ${key.path}, where the fleet’s key FLEETKEY is; bring it here`
    asked.unshift({ ...key, what: 'key', kind: 'keys', make })
  }
  if (typeof config.v1 === 'object') {
    const { file: path } = config.v1
    asked.push({ path, what: 'v1 key', kind: 'keys', reader: account, make: `guardian keygen --out ${path}` })
  }
  return await Promise.all(asked.map(readSecret))
}

async function readStateDir(path: string, account: Account, unit: UnitFacts | null): Promise<DirectoryFacts> {
  const isThere = (await stat(path).catch(() => null))?.isDirectory() === true
  const isMade = unit?.service?.stateDirectories.some((name) => path.endsWith(`/${name}`)) === true
  return { path, isThere, isMade, writable: isThere ? await may(account, 'write', path) : null }
}

async function readMarker({ stateDir, policy }: AgentConfig, target: string): Promise<MarkerFacts> {
  const path = markerPath(stateDir, target)
  const about = { host: policy.host, target, path, nowMs: wallMs() }
  try {
    const read = await readAs(path, marker)
    if (read === null) return { ...about, content: null }
    return { ...about, content: { is: 'holds', holds: read.holds, writtenMs: (await stat(path)).mtimeMs } }
  } catch (cause) {
    // Whoever may not look there says nothing about it.
    if (codeOf(cause) === 'EACCES') return { ...about, content: null }
    return { ...about, content: { is: 'unreadable', reason: codeOf(cause) ?? 'damaged' } }
  }
}

/** Where the disk begins that a path is on; null where that is the root's. */
async function mountOf(path: string): Promise<string | null> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  const points = text.split('\n').map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
  const below = points.filter((point) => point.length > 1 && (path === point || path.startsWith(`${point}/`)))
  return below.reduce<string | null>(
    (longest, point) => (point.length > (longest ?? '').length ? point : longest),
    null,
  )
}
