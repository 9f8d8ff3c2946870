import { type CoordinatorConfig, decodeCoordinatorConfig, loadCoordinatorConfig } from '../coordinator/config.ts'
import { GuardianError } from '../protocol/errors.ts'
import { moved } from './agent-facts.ts'
import { isOwn } from './change.ts'
import { type CoordinatorFacts, type Gate, gateUnitOf } from './coordinator-plan.ts'
import { dataUnitsOf, foundResources } from './data-units.ts'
import type { Machine } from './machine.ts'
import { configDir, type Fit, unitDir } from './plan.ts'

export interface CoordinatorWishes extends Pick<Fit, 'program' | 'notifies'> {
  readonly shipped: (name: string) => string
  /** Units that a person says hold a resource's data, by resource. */
  readonly gates: ReadonlyMap<string, readonly string[]>
}

export interface CoordinatorSight {
  readonly facts: CoordinatorFacts
  readonly hosts: number
  /** Resources with a gate here, of which nobody knows which units hold their data. */
  readonly unbound: readonly string[]
}

/** @throws GuardianError where the configuration is wrong or does not fit what is asked for */
export async function coordinatorSight(machine: Machine, wishes: CoordinatorWishes): Promise<CoordinatorSight> {
  const { program, notifies, shipped } = wishes
  const found = await foundResources(machine)
  const config = await configOf(machine, found)
  const gated = [...config.plan.resources.values()].filter(({ gate }) => gate !== null).map(({ name }) => name)
  for (const resource of wishes.gates.keys()) if (!gated.includes(resource)) throw notLocal(config, resource)
  const all = await Promise.all(gated.map((resource) => gateOf(machine, { config, wishes, resource })))
  const facts = {
    program,
    notifies,
    credential: config.pskFile === null && config.tls === null,
    shipped,
    gates: all.filter(({ units }) => units.length > 0),
    found,
    stale: await staleGates(machine, gated),
  }
  const unbound = all.filter(({ units }) => units.length === 0).map(({ resource }) => resource)
  return { facts, hosts: config.dials.size, unbound }
}

async function configOf(machine: Machine, found: object): Promise<CoordinatorConfig> {
  const path = `${configDir}/coordinator.json`
  const exists = await machine.has(path)
  const config = exists
    ? await loadCoordinatorConfig(machine.at(path))
    : decodeCoordinatorConfig(path, { resources: found })
  for (const [setting, place] of [
    ['stateDir', '/var/lib/io-guardian-coordinator'],
    ['runtimeDir', '/run/io-guardian-coordinator'],
    ['gateDir', '/run/io-guardian-gate'],
  ] as const) {
    if (config[setting] !== place) throw moved(path, setting, place)
  }
  return config
}

interface Question {
  readonly config: CoordinatorConfig
  readonly wishes: CoordinatorWishes
  readonly resource: string
}

async function gateOf(machine: Machine, { config, wishes, resource }: Question): Promise<Gate> {
  const units =
    wishes.gates.get(resource) ??
    (await boundBefore(machine, resource)) ??
    (await dataUnitsOf(machine, config.probes.get(resource)))
  return { resource, units, limitMs: config.plan.resources.get(resource)?.gate?.limitMs ?? 90_000 }
}

/** What an earlier installation bound it to, perhaps as a person said. */
async function boundBefore(machine: Machine, resource: string): Promise<readonly string[] | null> {
  const text = await machine.read(`${unitDir}/${gateUnitOf(resource)}.d/io-guardian.conf`)
  return /^BindsTo=(.+)$/m.exec(text ?? '')?.[1]?.split(' ') ?? null
}

/** The units of such a gate would fail with each start of its database. */
async function staleGates(machine: Machine, gated: readonly string[]): Promise<readonly string[]> {
  const units = new Set(gated.map(gateUnitOf))
  const isStale = (unit: string): boolean => /^io-guardian-gate@.+\.service$/.test(unit) && !units.has(unit)
  const found: string[] = []
  for (const directory of await machine.list(unitDir)) {
    const place = `${unitDir}/${directory}`
    if (directory.endsWith('.wants')) {
      found.push(...(await machine.list(place)).filter(isStale).map((unit) => `${place}/${unit}`))
    } else if (directory.endsWith('.d') && isStale(directory.slice(0, -'.d'.length))) {
      const path = `${place}/io-guardian.conf`
      if (isOwn((await machine.read(path)) ?? '')) found.push(path)
    }
  }
  return found
}

function notLocal({ file }: CoordinatorConfig, resource: string): GuardianError {
  return new GuardianError('bad-request', `${file}: resources.${resource}.gate must be "local" for a gate on this host`)
}
