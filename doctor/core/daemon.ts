import { error, type Finding, journal, type Place, systemctl, warning } from './finding.ts'
import type { UnitFacts } from './unit.ts'

/** A daemon of guardian's as systemd has it. */
export interface DaemonFacts extends Place {
  readonly what: 'agent' | 'coordinator'
  /** Null where systemd could not be asked. */
  readonly unit: UnitFacts | null
  /** The build that runs, as it says itself; null where it was not heard. */
  readonly build: string | null
  /** The build of this program. */
  readonly program: string
}

/** Whether it runs, and will after the next boot. */
export function daemonFindings(facts: DaemonFacts): readonly Finding[] {
  return [...ofUnit(facts), ...ofBuild(facts)]
}

/** Whether systemd says that it is up. */
export function isUp({ unit }: DaemonFacts): boolean {
  return unit?.active === 'active'
}

function* ofUnit(facts: DaemonFacts): Generator<Finding> {
  const { what, unit } = facts
  if (unit === null) return
  const name = unit.unit
  if (unit.load !== 'loaded') {
    yield error('daemon-unit-missing', {
      found: `systemd has no ${name}${unit.load === 'masked' ? ': it is masked' : ''}`,
      wanted: `a unit that starts the ${what} at boot`,
      run: [unit.load === 'masked' ? systemctl(facts, `unmask ${name}`) : `guardian install ${what}`],
    })
    return
  }
  if (unit.active !== 'active') {
    yield error('daemon-not-running', {
      found: `${name} is ${unit.active}`,
      wanted: what === 'agent' ? 'active: without it nothing is drained' : 'active: without it nothing is reconciled',
      run: [systemctl(facts, `start ${name}`), journal(facts, name)],
    })
  }
  if (unit.wantedBy.length + unit.requiredBy.length === 0) {
    yield error('daemon-not-enabled', {
      found: `nothing starts ${name} at boot`,
      wanted: 'enabled',
      run: [systemctl(facts, `enable ${name}`)],
    })
  }
  if (unit.isStale) {
    yield warning('unit-stale', {
      found: `the file of ${name} has changed since systemd read it`,
      wanted: 'what stands in the file',
      run: [systemctl(facts, 'daemon-reload')],
    })
  }
}

function* ofBuild(facts: DaemonFacts): Generator<Finding> {
  const { what, build, program, unit } = facts
  if (build === null || build === program) return
  yield warning('build-apart', {
    found: `the ${what} that runs is ${build}, this program is ${program}`,
    wanted: 'the same',
    run: [unit === null ? `restart the ${what}: that drains nothing` : systemctl(facts, `restart ${unit.unit}`)],
  })
}
