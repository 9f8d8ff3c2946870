import { formatDuration } from '../protocol/duration.ts'
import { configDir, dropIn, type Fit, ownLine, type Plan, type PlannedWant, systemFile, unitFile } from './plan.ts'
import { fitted } from './unit-text.ts'

/** A resource of this machine and the units that hold its data. */
export interface Gate {
  readonly resource: string
  readonly units: readonly string[]
  readonly limitMs: number
}

export interface CoordinatorFacts extends Fit {
  /** Text of a file in `units/`. */
  readonly shipped: (name: string) => string
  readonly gates: readonly Gate[]
  /** What stands under `resources` in a first configuration. */
  readonly found: Readonly<Record<string, object>>
  /** Files and links of gates that the configuration has no more. */
  readonly stale: readonly string[]
}

const daemon = 'io-guardian-coordinator.service'
const byHand = 'io-database-coordinator.service'
const template = 'io-guardian-gate@.service'
/** Enabled by a person, one instance for each policy. */
const byClock = { service: 'io-guardian-rollout@.service', timer: 'io-guardian-rollout@.timer' }
/** TimeoutStopSec= of the unit that ships fits this. */
const shippedLimitMs = 90_000
const marginMs = 30_000

export function gateUnitOf(resource: string): string {
  return `io-guardian-gate@${resource}.service`
}

/** Everything of the host that has the resources. */
export function planCoordinator(facts: CoordinatorFacts): Plan {
  const { shipped, gates } = facts
  const example = `// ${ownLine('coordinator')}\n${shipped('coordinator.json.example')}`
  return {
    files: [
      ...[daemon, template, byClock.service].map((name) => unitFile('coordinator', name, fitted(shipped(name), facts))),
      ...[byHand, byClock.timer].map((name) => unitFile('coordinator', name, shipped(name))),
      systemFile('coordinator', 'sysusers.d', shipped('io-guardian-coordinator.sysusers.conf')),
      systemFile('coordinator', 'tmpfiles.d', shipped('io-guardian-coordinator.tmpfiles.conf')),
      { path: `${configDir}/coordinator.json`, text: firstConfig(facts), once: true },
      { path: `${configDir}/coordinator.json.example`, text: example },
      ...gates.map((gate) => dropIn('coordinator', gateUnitOf(gate.resource), bind(gate))),
    ],
    wants: [daemon, byHand].map((unit) => ({ by: 'multi-user.target', unit })).concat(gates.flatMap(wantsOf)),
    stale: facts.stale,
  }
}

function wantsOf({ resource, units }: Gate): PlannedWant[] {
  return [...units, byHand].map((by) => ({ by, unit: gateUnitOf(resource) }))
}

function firstConfig({ found }: CoordinatorFacts): string {
  return `${JSON.stringify({ hosts: {}, resources: found }, null, 2)}\n`
}

function bind({ units, limitMs }: Gate): string {
  const all = units.join(' ')
  const longer = limitMs === shippedLimitMs ? '' : `[Service]\nTimeoutStopSec=${formatDuration(limitMs + marginMs)}\n\n`
  return `[Unit]\nBindsTo=${all}\nAfter=${all}\n\n${longer}[Install]\nWantedBy=${all}\n`
}
