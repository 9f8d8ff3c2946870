import { configDir, dropIn, type Fit, ownLine, type Plan, type PlannedFile, systemFile, unitFile } from './plan.ts'
import { fitted, forTarget, type TargetUnits, waitUnitOf } from './unit-text.ts'

/** A unit of this machine that is to stop and start with a target. */
export interface Dependent {
  readonly unit: string
  readonly target: TargetUnits
  /** Started by the target; otherwise whatever starts it now goes on doing so. */
  readonly wanted: boolean
}

export interface AgentFacts extends Fit {
  readonly host: string
  /** Text of a file in `units/`. */
  readonly shipped: (name: string) => string
  readonly targets: readonly TargetUnits[]
  /** Stopped with a target although they do not hang on it, so the agent must be allowed to. */
  readonly loose: readonly string[]
  readonly dependents: readonly Dependent[]
  /** Whether a coordinator may rebuild this host, once both configurations say so. */
  readonly rebuild: boolean
  /** Whether agent.json says so. */
  readonly takesRebuilds: boolean
  /** Whether a target waits for nothing, because no resource is configured. */
  readonly needsNothing: boolean
}

/** Everything of an agent's host. */
export function planAgent(facts: AgentFacts): Plan {
  const { shipped, targets, dependents } = facts
  return {
    files: [
      unitFile('agent', 'io-guardian.service', fitted(shipped('io-guardian.service'), facts)),
      ...targets.flatMap((target) => targetFiles(facts, target)),
      systemFile('agent', 'sysusers.d', shipped('io-guardian.sysusers.conf')),
      rules(facts),
      { path: `${configDir}/agent.json`, text: firstConfig(facts.host), once: true },
      { path: `${configDir}/agent.json.example`, text: `// ${ownLine('agent')}\n${shipped('agent.json.example')}` },
      ...dependents.map((dependent) => dropIn('agent', dependent.unit, guard(dependent))),
      ...(facts.rebuild ? rebuildFiles(facts) : []),
    ],
    wants: [
      { by: 'multi-user.target', unit: 'io-guardian.service' },
      ...targets.map(({ unit }) => ({ by: 'multi-user.target', unit })),
      ...dependents.filter(({ wanted }) => wanted).map(({ unit, target }) => ({ by: target.unit, unit })),
      ...(facts.rebuild ? [{ by: 'multi-user.target', unit: 'io-guardian-rebuild-resume.service' }] : []),
    ],
    stale: [],
  }
}

function targetFiles(facts: AgentFacts, target: TargetUnits): readonly PlannedFile[] {
  const { shipped } = facts
  const wait = forTarget(shipped('wait-for-io-databases.service'), target)
  return [
    unitFile('agent', target.unit, forTarget(shipped('io-databases.target'), target)),
    unitFile('agent', waitUnitOf(target), fitted(wait, facts)),
  ]
}

/** The root helper of rebuilds, and the agent's leave to read what a switch has said. */
function rebuildFiles(facts: AgentFacts): readonly PlannedFile[] {
  const units = ['io-guardian-rebuild@.service', 'io-guardian-rebuild-resume.service']
  const example = `// ${ownLine('agent')}\n${facts.shipped('rebuild.json.example')}`
  return [
    ...units.map((unit) => unitFile('agent', unit, fitted(facts.shipped(unit), facts))),
    dropIn('agent', 'io-guardian.service', '[Service]\nSupplementaryGroups=systemd-journal\n'),
    { path: `${configDir}/rebuild.json.example`, text: example },
  ]
}

function rules({ shipped, targets, loose }: AgentFacts): PlannedFile {
  const units = [...new Set([...targets.map(({ unit }) => unit), ...loose])]
  const list = units.map((unit) => JSON.stringify(unit)).join(', ')
  const name = 'polkit-1/rules.d/50-io-guardian.rules'
  const text = shipped('io-guardian.rules').replace('"io-databases.target"', () => list)
  return {
    path: `/etc/${name}`,
    text: `// ${ownLine('agent')}\n${text}`,
    vendor: { path: `/usr/share/${name}`, text },
  }
}

function firstConfig(host: string): string {
  return `${JSON.stringify({ host, resources: {} }, null, 2)}\n`
}

function guard({ unit: dependent, target: { name, unit }, wanted }: Dependent): string {
  const assert = `AssertPathExists=!/var/lib/io-guardian/drained/${name}`
  // By default it is before basic.target, and so before everything that the target waits for.
  const late = /\.(socket|path)$/.test(dependent)
    ? 'DefaultDependencies=no\nRequires=sysinit.target\nAfter=sysinit.target\nConflicts=shutdown.target\nBefore=shutdown.target\n'
    : ''
  const install = wanted ? `\n[Install]\nWantedBy=${unit}\n` : ''
  return `[Unit]\nRequires=${unit}\nAfter=${unit}\n${assert}\n${late}${install}`
}
