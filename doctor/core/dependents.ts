import { dropIn, error, type Finding, isOfUser, listed, type Place, systemctl, warning } from './finding.ts'
import type { TargetFacts } from './target.ts'
import { hangingOn, isTied, startedWith, triggersOf, type UnitFacts, waitsThrough } from './unit.ts'

/** What is wrong with the units that hang on a target, or ought to. */
export function dependentFindings(facts: TargetFacts): readonly Finding[] {
  const { unit, waitUnit, units } = facts
  const top = units.get(unit)
  if (top?.load !== 'loaded') return []
  const tops = new Set([unit])
  const all = hangingOn([unit, ...facts.dependents], units)
  for (const each of all) if (each !== waitUnit) tops.add(each)
  const dependents = [...tops].filter((each) => each !== unit)
  const started = startedWith(unit, units)
  return [
    ...(dependents.length === 0 ? [withoutDependents(facts)] : []),
    ...dependents.flatMap((each) => [...ofDependent(facts, units.get(each), { name: each, tops, started })]),
    ...merelyStarted(facts, top, all),
  ]
}

interface Among {
  readonly name: string
  /** The target and everything that hangs on it. */
  readonly tops: ReadonlySet<string>
  readonly started: ReadonlySet<string>
}

function withoutDependents(facts: TargetFacts): Finding {
  const { unit, target } = facts
  return warning('no-dependents', {
    found: `nothing hangs on ${unit}, so a drain stops nothing`,
    wanted: `a drop-in for each unit that needs ${target}; for app.service it is`,
    write: guard(facts, 'app.service', [...tie(facts), assertion(facts)]),
    run: [systemctl(facts, 'daemon-reload'), systemctl(facts, `add-wants ${unit} app.service`)],
  })
}

function* ofDependent(facts: TargetFacts, dependent: UnitFacts | undefined, among: Among): Generator<Finding> {
  if (dependent === undefined || dependent.load !== 'loaded') {
    yield warning('dependent-missing', {
      found: `agent.json names ${among.name} as a dependent, but systemd has no such unit`,
      wanted: 'units that there are',
      run: [`remove ${among.name} from "dependents" in agent.json, or install the unit`],
    })
    return
  }
  yield* ofGuard(facts, dependent, among)
  yield* ofTriggers(facts, dependent, among)
  yield* ofStart(facts, dependent, among)
  if (dependent.stopLimitMs !== 'infinite') return
  const { unit } = dependent
  const section =
    unit.endsWith('.mount') || unit.endsWith('.socket') || unit.endsWith('.swap') ? 'TimeoutSec' : 'TimeoutStopSec'
  const kind = unit.slice(unit.lastIndexOf('.') + 1)
  yield error('stop-without-end', {
    found: `${unit} has an infinite stop timeout: a stop that hangs keeps a drain waiting for ever`,
    wanted: `a ${section} after which systemd kills it`,
    write: dropIn(facts, unit, 'stop-limit', [`[${kind[0]?.toUpperCase()}${kind.slice(1)}]`, `${section}=90s`]),
    run: [systemctl(facts, 'daemon-reload')],
  })
}

function* ofGuard(facts: TargetFacts, dependent: UnitFacts, { tops }: Among): Generator<Finding> {
  const { unit } = dependent
  const run = [systemctl(facts, 'daemon-reload')]
  const isAsserted = dependent.assertsAbsent.includes(facts.marker)
  if (!isTied(dependent, tops)) {
    yield error('dependent-unguarded', {
      found: `${unit} is not guarded: ${howLoose(dependent, tops)}`,
      wanted: `unable to start while ${facts.target} is drained, and stopped before ${facts.unit} is`,
      write: guard(facts, unit, [...tie(facts), ...(isAsserted ? [] : [assertion(facts)])]),
      run,
    })
    return
  }
  yield* ofOrder(facts, dependent, tops)
  if (!isAsserted) {
    yield warning('dependent-without-assert', {
      found: `${unit} does not look at the marker, so it may start for a moment when a drain begins`,
      wanted: 'refused as soon as the marker is there',
      write: guard(facts, unit, [assertion(facts)]),
      run,
    })
  }
}

/** What waits for the target and is waited for by it: systemd breaks such a circle by leaving something out. */
function* ofOrder(facts: TargetFacts, { unit }: UnitFacts, tops: ReadonlySet<string>): Generator<Finding> {
  const way = waitsThrough(facts.unit, unit, facts.units)
  // Another dependent on the way is the one to be mended.
  if (way === null || way.slice(1).some((each) => tops.has(each))) return
  const circle = [unit, ...way, unit].join(' after ')
  yield error('dependent-in-circle', {
    found: `${unit} is ordered in a circle, so that systemd leaves one of these out at boot: ${circle}`,
    wanted: `after ${facts.unit}, and before nothing that ${facts.unit} waits for`,
    ...(isEarly(facts, unit)
      ? {
          write: guard(facts, unit, [...tie(facts), assertion(facts)]),
          run: [systemctl(facts, 'daemon-reload')],
        }
      : { run: [`take out the order before ${way.at(-1)}: ${systemctl(facts, `cat ${unit}`)}`] }),
  })
}

/** Why a unit that stops with the others is not safe from being started. */
function howLoose({ requires, bindsTo, partOf, after }: UnitFacts, tops: ReadonlySet<string>): string {
  const hard = [...new Set([...requires, ...bindsTo])].filter((on) => tops.has(on))
  if (hard.length > 0) return `it requires ${listed(hard)}, but is not ordered after, so it runs while that is shut`
  const part = partOf.filter((on) => tops.has(on))
  if (part.length === 0) return 'agent.json names it as a dependent, but it does not hang on the target'
  const order = part.some((on) => after.includes(on)) ? '' : ', and not even ordered after'
  return `it is only PartOf= ${listed(part)}${order}, which stops it but lets it start`
}

/** A timer or socket whose service is refused: its noise, and a socket that gives up. */
function* ofTriggers(facts: TargetFacts, { unit }: UnitFacts, { tops }: Among): Generator<Finding> {
  for (const trigger of triggersOf(unit, facts.units).filter((each) => !tops.has(each))) {
    const what = trigger.endsWith('.socket')
      ? 'a connection meanwhile leaves it failed (trigger-limit-hit), and it does not come back with the target'
      : `it goes on starting ${unit} meanwhile, which fails each time`
    yield warning('trigger-unguarded', {
      found: `${trigger} stays up while ${facts.target} is drained: ${what}`,
      wanted: `stopped and started with ${facts.unit}, as ${unit} is`,
      write: guard(facts, trigger, [...tie(facts), assertion(facts)]),
      run: [systemctl(facts, 'daemon-reload'), systemctl(facts, `add-wants ${facts.unit} ${trigger}`)],
    })
  }
}

function* ofStart(facts: TargetFacts, { unit }: UnitFacts, { started }: Among): Generator<Finding> {
  // What is triggered comes back with its trigger.
  if (started.has(unit) || triggersOf(unit, facts.units).length > 0) return
  yield warning('dependent-not-wanted', {
    found: `nothing starts ${unit} when ${facts.unit} opens: after an undrain it stays stopped`,
    wanted: `wanted by ${facts.unit}`,
    run: [systemctl(facts, `add-wants ${facts.unit} ${unit}`)],
  })
}

/** What the target starts and does not stop. */
function merelyStarted(facts: TargetFacts, top: UnitFacts, hanging: ReadonlySet<string>): readonly Finding[] {
  const { unit, units, target } = facts
  const loose = [...new Set([...top.wants, ...top.upholds])].filter((each) => !hanging.has(each))
  return loose.map((each) => {
    const how = top.upholds.includes(each) ? 'upholds' : 'wants'
    if (units.get(each)?.load !== 'loaded') {
      return warning('wanted-missing', {
        found: `${unit} ${how} ${each}, which systemd cannot load`,
        wanted: 'units that there are',
        run: [`remove the link ${facts.unitDir}/${unit}.${how}/${each}, or install the unit`],
      })
    }
    return warning('wanted-not-dependent', {
      found: `${unit} ${how} ${each} but does not stop it: ${each} goes on running while ${target} is drained`,
      wanted: `a dependent, if it needs ${target}; otherwise not wanted by ${unit}`,
      write: guard(facts, each, [...tie(facts), assertion(facts)]),
      run: [systemctl(facts, 'daemon-reload')],
    })
  })
}

function tie({ unit }: TargetFacts): readonly string[] {
  return [`Requires=${unit}`, `After=${unit}`]
}

function assertion({ marker }: TargetFacts): string {
  return `AssertPathExists=!${marker}`
}

/** By default these are before basic.target, and so before everything that the target waits for. */
function isEarly(place: Place, unit: string): boolean {
  return (isOfUser(place) ? /\.(socket|path|timer)$/ : /\.(socket|path)$/).test(unit)
}

function guard(facts: TargetFacts, unit: string, lines: readonly string[]) {
  // A manager of a user's has no sysinit.target.
  const begin = isOfUser(facts) ? [] : ['Requires=sysinit.target', 'After=sysinit.target']
  const late = ['DefaultDependencies=no', ...begin, 'Conflicts=shutdown.target', 'Before=shutdown.target']
  return dropIn(facts, unit, facts.target, ['[Unit]', ...lines, ...(isEarly(facts, unit) ? late : [])])
}
