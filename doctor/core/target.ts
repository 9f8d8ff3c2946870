import { dropIn, error, type Finding, type Place, systemctl, warning } from './finding.ts'
import type { UnitFacts, Units } from './unit.ts'

/** One target of an agent, and every unit that may have to do with it. */
export interface TargetFacts extends Place {
  readonly target: string
  readonly unit: string
  readonly waitUnit: string
  readonly marker: string
  /** Where the disk begins that the marker is on; null where that is the root's. */
  readonly mount: string | null
  /** Configured by name, whether they hang on the target or not. */
  readonly dependents: readonly string[]
  readonly units: Units
}

export const agentUnit = 'io-guardian.service'

/** The unit that asks whether a target may open. */
export function waitUnitOf(unit: string): string {
  return `wait-for-${unit.replace(/\.target$/, '')}.service`
}

/** What is wrong with the target and its wait unit themselves. */
export function targetFindings(facts: TargetFacts): readonly Finding[] {
  const top = facts.units.get(facts.unit)
  if (top === undefined || top.load !== 'loaded') return [unfit(facts, top)]
  return [...ofTarget(facts, top), ...ofWait(facts), ...ofAgentUnit(facts)]
}

function unfit(facts: TargetFacts, top: UnitFacts | undefined): Finding {
  const { unit, target } = facts
  const wanted = `a target that what needs ${target} hangs on; without it a drain stops nothing`
  const load = top?.load ?? 'not-found'
  if (load === 'masked') {
    const found = `${unit} is masked, so it can never open`
    return error('target-masked', { found, wanted, run: [systemctl(facts, `unmask ${unit}`)] })
  }
  if (load === 'not-found') {
    return error('target-missing', { found: `${unit} has no unit file`, wanted, run: ['guardian install agent'] })
  }
  const found = `systemd cannot load ${unit} (${load})`
  return error('target-broken', { found, wanted, run: [`systemd-analyze verify ${unit}`] })
}

function* ofTarget(facts: TargetFacts, top: UnitFacts): Generator<Finding> {
  const { unit, target, waitUnit, marker, mount } = facts
  if (!top.assertsAbsent.includes(marker)) {
    yield error('target-without-assert', {
      found: `${unit} may start while ${target} is drained: it does not look at the marker`,
      wanted: 'shut while the marker is there, for everybody: a switch, a timer, a person, a boot',
      ...mending(facts, unit, 'marker', [`AssertPathExists=!${marker}`]),
    })
  }
  if (!top.requires.includes(waitUnit) || !top.after.includes(waitUnit)) {
    yield error('target-without-wait', {
      found: `${unit} opens at boot without asking: it ${lacking(top, waitUnit)} ${waitUnit}`,
      wanted: 'open only after the wait unit has had its answer',
      ...mending(facts, unit, 'wait', [`Requires=${waitUnit}`, `After=${waitUnit}`]),
    })
  }
  if (mount !== null && !top.mountsFor.some((path) => isBelow(path, mount))) {
    yield warning('target-without-mount', {
      found: `${unit} does not wait for ${mount}, on which its marker is`,
      wanted: 'no start before the marker can be seen',
      ...mending(facts, unit, 'mount', [`RequiresMountsFor=${marker}`]),
    })
  }
  yield* startLimit(facts, top)
}

function lacking({ requires, after }: UnitFacts, waitUnit: string): string {
  if (!requires.includes(waitUnit))
    return after.includes(waitUnit) ? 'does not require' : 'neither requires nor follows'
  return 'does not come after'
}

function* ofWait(facts: TargetFacts): Generator<Finding> {
  const { unit, target, waitUnit, marker, units } = facts
  const wait = units.get(waitUnit)
  if (wait === undefined || wait.load !== 'loaded') {
    yield error('wait-missing', {
      found: `${waitUnit} ${wait?.load === 'masked' ? 'is masked' : 'has no unit file that systemd can load'}`,
      wanted: `the unit that asks the agent whether ${target} may open`,
      run: [wait?.load === 'masked' ? systemctl(facts, `unmask ${waitUnit}`) : 'guardian install agent'],
    })
    return
  }
  if (!wait.partOf.includes(unit)) {
    yield warning('wait-without-part-of', {
      found: `${waitUnit} stays active when ${unit} stops, so it asks only once a boot`,
      wanted: 'asked at each opening',
      ...mending(facts, waitUnit, 'part-of', [`PartOf=${unit}`]),
    })
  }
  if (!wait.assertsAbsent.includes(marker)) {
    yield warning('wait-without-assert', {
      found: `${waitUnit} waits while ${target} is drained, and whoever started it waits with it`,
      wanted: 'refused at once while the marker is there',
      ...mending(facts, waitUnit, 'marker', [`AssertPathExists=!${marker}`]),
    })
  }
  yield* startLimit(facts, wait)
}

function* startLimit(facts: TargetFacts, { unit, startLimitMs }: UnitFacts): Generator<Finding> {
  if (startLimitMs === 0) return
  yield warning('start-limit', {
    found: `${unit} has a start limit: after a few drains in a row systemd refuses to open it`,
    wanted: 'StartLimitIntervalSec=0',
    ...mending(facts, unit, 'start-limit', ['StartLimitIntervalSec=0']),
  })
}

/** At shutdown the agent has to outlast the last dependent, or the coordinator never hears that it stopped. */
function* ofAgentUnit(facts: TargetFacts): Generator<Finding> {
  const agent = facts.units.get(agentUnit)
  if (agent === undefined || agent.load !== 'loaded') return
  const later = [facts.waitUnit, facts.unit].filter(
    (unit) => !agent.before.includes(unit) && facts.units.get(unit)?.after.includes(agentUnit) !== true,
  )
  if (later.length === 0) return
  yield warning('agent-order', {
    found: `${agentUnit} is not ordered before ${later.join(' and ')}`,
    wanted: 'up before the first dependent and gone after the last, so that a shutdown is seen to its end',
    ...mending(facts, agentUnit, facts.target, [`Before=${later.join(' ')}`]),
  })
}

function mending(facts: TargetFacts, unit: string, name: string, lines: readonly string[]) {
  return { write: dropIn(facts, unit, name, ['[Unit]', ...lines]), run: [reload(facts)] }
}

function reload(facts: Place): string {
  return systemctl(facts, 'daemon-reload')
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`)
}
