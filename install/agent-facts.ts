import * as v from 'valibot'
import { type AgentConfig, decodeAgentConfig, loadAgentConfig } from '../agent/config.ts'
import { GuardianError } from '../protocol/errors.ts'
import { unitName } from '../protocol/names.ts'
import type { AgentFacts, Dependent } from './agent-plan.ts'
import type { Machine } from './machine.ts'
import { configDir, type Fit, unitDir } from './plan.ts'
import { type TargetUnits, waitUnitOf } from './unit-text.ts'

export interface AgentWishes extends Pick<Fit, 'program' | 'notifies'> {
  readonly host: string
  readonly shipped: (name: string) => string
  /** Units that are to hang on the target from now on. */
  readonly dependents: readonly string[]
  /** The target that they hang on; may be left out where there is one. */
  readonly target: string | undefined
  /** The root helper of rebuilds is to be there. */
  readonly rebuild: boolean
}

/** @throws GuardianError where the configuration is wrong, or a dependent cannot be one */
export async function agentFacts(machine: Machine, wishes: AgentWishes): Promise<AgentFacts> {
  const config = await configOf(machine, wishes.host)
  const targets = config.targets.map(({ spec: { name, unit } }) => ({ name, unit }))
  for (const { name, unit } of targets) if (!unit.endsWith('.target')) throw noTarget(config, name, unit)
  const { program, notifies, shipped } = wishes
  return {
    program,
    notifies,
    shipped,
    credential: config.pskFile === null && config.tls === null,
    host: config.policy.host,
    targets,
    loose: config.targets.flatMap(({ dependents }) => dependents),
    dependents: await dependentsOf(machine, wishes, targets),
    // What is there is kept up with the rest.
    rebuild: wishes.rebuild || (await machine.has(`${unitDir}/io-guardian.service.d/io-guardian.conf`)),
    takesRebuilds: config.rebuild !== null,
    needsNothing: config.resources.size === 0,
  }
}

async function configOf(machine: Machine, host: string): Promise<AgentConfig> {
  const path = `${configDir}/agent.json`
  const exists = await machine.has(path)
  const config = exists ? await loadAgentConfig(machine.at(path)) : decodeAgentConfig(path, { host })
  for (const [setting, place] of [
    ['stateDir', '/var/lib/io-guardian'],
    ['runtimeDir', '/run/io-guardian'],
  ] as const) {
    if (config[setting] !== place) throw moved(path, setting, place)
  }
  return config
}

/** The units know one place for each directory. */
export function moved(path: string, setting: string, place: string): GuardianError {
  return new GuardianError('bad-config', `${path}: ${setting}: leave it out; the units that ship know only ${place}`)
}

function noTarget({ source }: AgentConfig, name: string, unit: string): GuardianError {
  const text = `${source}: targets.${name}.unit: install makes targets alone; give it a name such as "${name}.target", not ${unit}`
  return new GuardianError('bad-config', text)
}

async function dependentsOf(
  machine: Machine,
  { dependents, target }: AgentWishes,
  targets: readonly TargetUnits[],
): Promise<readonly Dependent[]> {
  if (dependents.length === 0) return []
  const hangsOn = targetOf(targets, target)
  const own = new Set(targets.flatMap((each) => [each.unit, waitUnitOf(each)]))
  const found: Dependent[] = []
  for (const name of dependents) {
    const unit = v.is(unitName, name) ? name : `${name}.service`
    if (!v.is(unitName, unit)) throw wrong(`${JSON.stringify(name)} is no name of a unit`)
    if (own.has(unit) || unit.startsWith('io-guardian') || unit.startsWith('io-database-')) {
      throw wrong(`${unit} is a unit of guardian itself`)
    }
    if ((await machine.unitFile(unit)) === null) throw wrong(`there is no unit ${unit} on this machine`)
    found.push(...(await withCompanions(machine, unit, hangsOn)))
  }
  return found
}

function targetOf(targets: readonly TargetUnits[], name: string | undefined): TargetUnits {
  const [first, second] = targets
  if (name === undefined && first !== undefined && second === undefined) return first
  const found = targets.find((each) => each.name === name)
  if (found !== undefined) return found
  const known = targets.map((each) => each.name).join(', ')
  throw wrong(name === undefined ? `say --target, one of ${known}` : `no target is named ${name}; there is ${known}`)
}

/** A timer, a socket or a path that starts a service hangs on the target like it; it is what the target starts then. */
async function withCompanions(machine: Machine, unit: string, target: TargetUnits): Promise<readonly Dependent[]> {
  if (!unit.endsWith('.service')) return [{ unit, target, wanted: true }]
  const starters: string[] = []
  for (const kind of ['timer', 'socket', 'path']) {
    const starter = unit.replace(/service$/, kind)
    if ((await machine.unitFile(starter)) !== null) starters.push(starter)
  }
  const wanted = starters.length === 0 || (await machine.isWanted(unit))
  return [{ unit, target, wanted }, ...starters.map((starter) => ({ unit: starter, target, wanted: true }))]
}

function wrong(text: string): GuardianError {
  return new GuardianError('bad-request', `guardian install agent: ${text}`)
}
