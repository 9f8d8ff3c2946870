import { existsSync } from 'node:fs'
import { type Bus, openBus } from '../agent/adapters/bus.ts'
import { type AgentConfig, defaultConfigFile as agentDefault, loadAgentConfig } from '../agent/config.ts'
import { readOptions } from '../agent/options.ts'
import { defaultConfigFile as coordinatorDefault, loadCoordinatorConfig } from '../coordinator/config.ts'
import { GuardianError } from '../protocol/errors.ts'
import { type Patient, readAgent } from './adapters/agent.ts'
import { coordinatorUnit, readCoordinator } from './adapters/coordinator.ts'
import { environmentOf } from './adapters/secrets.ts'
import { createUnitReader, type UnitReader } from './adapters/systemd.ts'
import { kindOfConfig } from './config-kind.ts'
import { agentFindings } from './core/agent.ts'
import { coordinatorFindings } from './core/coordinator.ts'
import { error, type Finding, warning } from './core/finding.ts'
import { agentUnit } from './core/target.ts'

export interface Asked {
  /** Configuration files to look at, instead of what is found on this host. */
  readonly configs: readonly string[]
  /** As in agent.json; null means what stands there. */
  readonly bus: string | null
}

export interface Survey {
  /** What was looked at, in words. */
  readonly looked: readonly string[]
  readonly findings: readonly Finding[]
}

/** Where a daemon's settings come from. */
interface Source<Config> {
  readonly load: () => Promise<Config>
  readonly name: string
}

/** Looks at the agent and the coordinator of this host, whichever there is. */
export async function survey(asked: Asked): Promise<Survey> {
  const named = await sortConfigs(asked.configs)
  await using systemd = await openSystemd(asked.bus ?? (await busOf(named.agent ?? agentDefault)))
  const { reader, bus, unitDir } = systemd
  const isNamed = asked.configs.length > 0
  const agent = isNamed ? sourceOf(named.agent, loadAgentConfig) : await findAgent(reader)
  const coordinator = isNamed ? sourceOf(named.coordinator, loadCoordinatorConfig) : await findCoordinator(reader)
  const patient: Patient = { reader, bus, unitDir }
  const ofAgent = await look(agent, async (config) => agentFindings(await readAgent(config, patient)))
  const ofCoordinator = await look(coordinator, async (config) =>
    coordinatorFindings(await readCoordinator(config, patient, agent !== null)),
  )
  const findings = [...named.findings, ...systemd.findings, ...ofAgent, ...ofCoordinator]
  const looked = [
    ...(agent === null ? [] : [`the agent (${agent.name})`]),
    ...(coordinator === null ? [] : [`the coordinator (${coordinator.name})`]),
  ]
  if (looked.length + findings.length === 0) findings.push(nothingHere())
  return { looked, findings: findings.sort((a, b) => rank(a) - rank(b)) }
}

function rank({ severity }: Finding): number {
  return ['error', 'warning', 'hint'].indexOf(severity)
}

interface Named {
  agent: string | null
  coordinator: string | null
  readonly findings: Finding[]
}

async function sortConfigs(files: readonly string[]): Promise<Named> {
  const named: Named = { agent: null, coordinator: null, findings: [] }
  for (const file of files) {
    try {
      named[await kindOfConfig(file)] = file
    } catch (cause) {
      named.findings.push(...wrongConfig(cause))
    }
  }
  return named
}

function sourceOf<Config>(file: string | null, load: (file: string) => Promise<Config>): Source<Config> | null {
  return file === null ? null : { load: () => load(file), name: file }
}

async function look<Config>(
  source: Source<Config> | null,
  examine: (config: Config) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  if (source === null) return []
  try {
    return await examine(await source.load())
  } catch (cause) {
    return wrongConfig(cause)
  }
}

/** One finding for each line in which a configuration is refused. */
function wrongConfig(cause: unknown): readonly Finding[] {
  if (!(cause instanceof GuardianError) || cause.code !== 'bad-config') throw cause
  const { file } = cause.fields
  return cause.message.split('\n').map((found) =>
    error('config-wrong', {
      found,
      wanted: 'a configuration that the daemon takes',
      run: file === undefined ? [] : [`guardian config check ${file}`],
    }),
  )
}

async function busOf(file: string): Promise<string> {
  if (!existsSync(file)) return 'system'
  return await loadAgentConfig(file).then(
    ({ bus }) => bus,
    () => 'system',
  )
}

interface Systemd extends Patient, AsyncDisposable {
  readonly findings: readonly Finding[]
}

async function openSystemd(name: string): Promise<Systemd> {
  let bus: Bus
  try {
    bus = await openBus(name)
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
    return { ...unanswered(cause.message), bus: name, async [Symbol.asyncDispose]() {} }
  }
  const reader = createUnitReader(bus)
  const unitDir = await reader.unitDir()
  return {
    reader,
    unitDir,
    bus: name,
    findings: rightsHere(unitDir),
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  }
}

function unanswered(reason: string): Pick<Systemd, 'reader' | 'unitDir' | 'findings'> {
  const finding = error('no-systemd', {
    found: reason,
    wanted: 'systemd answers; no unit was looked at',
    run: ['systemctl status dbus.service', 'guardian doctor --bus BUS'],
  })
  return { reader: null, unitDir: '/etc/systemd/system', findings: [finding] }
}

function rightsHere(unitDir: string): readonly Finding[] {
  const uid = process.getuid?.()
  if (uid === 0 || !unitDir.endsWith('/system')) return []
  return [
    warning('not-root', {
      found: `run by user id ${uid}: keys, markers and what other users may do could not be looked at`,
      wanted: 'run by root',
      run: ['sudo guardian doctor'],
    }),
  ]
}

async function findAgent(reader: UnitReader | null): Promise<Source<AgentConfig> | null> {
  const daemon = await findDaemon(reader, agentUnit, 'agent', agentDefault)
  if (daemon === null) return null
  const { words, env, file } = daemon
  return { name: file, load: words === null ? () => loadAgentConfig(file) : readOptions(words, env).load }
}

async function findCoordinator(reader: UnitReader | null) {
  const daemon = await findDaemon(reader, coordinatorUnit, 'coordinator', coordinatorDefault)
  return sourceOf(daemon?.file ?? null, loadCoordinatorConfig)
}

interface Found {
  /** What follows the subcommand in the unit; null without a unit. */
  readonly words: readonly string[] | null
  readonly env: Readonly<Record<string, string | undefined>>
  readonly file: string
}

/** A package may bring units that a host does not use: without their file they are never started. */
async function findDaemon(
  reader: UnitReader | null,
  unit: string,
  subcommand: string,
  defaultFile: string,
): Promise<Found | null> {
  const facts = (await reader?.read(unit)) ?? null
  const service = facts?.service ?? null
  const [command = []] = service?.start ?? []
  const at = command.indexOf(subcommand)
  const words = at < 0 ? null : command.slice(at + 1)
  const file = configIn(words ?? []) ?? defaultFile
  const isHere = existsSync(file) || (facts?.load === 'loaded' && facts.active !== 'inactive')
  return isHere ? { words, env: environmentOf(service), file } : null
}

function configIn(words: readonly string[]): string | null {
  const at = words.indexOf('--config')
  return (
    (at < 0 ? words.find((word) => word.startsWith('--config='))?.slice('--config='.length) : words[at + 1]) ?? null
  )
}

function nothingHere(): Finding {
  return error('nothing-here', {
    found: `there is neither an agent nor a coordinator on this host: no ${agentDefault}, no ${coordinatorDefault}, and neither of their units runs`,
    wanted: 'one of them, or both',
    run: ['guardian install agent, or guardian install coordinator', 'guardian doctor --config FILE'],
  })
}
