/** A unit as systemd has it in memory, or would load it. */
export interface UnitFacts {
  readonly unit: string
  /** LoadState: `loaded`, `not-found`, `masked`, `bad-setting`, `error`. */
  readonly load: string
  /** ActiveState. */
  readonly active: string
  /** Its files have changed since systemd read them. */
  readonly isStale: boolean
  readonly requires: readonly string[]
  readonly bindsTo: readonly string[]
  readonly partOf: readonly string[]
  readonly after: readonly string[]
  readonly before: readonly string[]
  readonly wants: readonly string[]
  readonly upholds: readonly string[]
  readonly wantedBy: readonly string[]
  readonly requiredBy: readonly string[]
  /** What a timer or a socket starts. */
  readonly triggers: readonly string[]
  /** Paths that must not be there when it starts. */
  readonly assertsAbsent: readonly string[]
  readonly mountsFor: readonly string[]
  /** 0 is no limit. */
  readonly startLimitMs: number
  /** How long a stop may take; null where it has no such limit to set, `infinite` where there is no end. */
  readonly stopLimitMs: number | 'infinite' | null
  readonly service: ServiceFacts | null
}

export interface ServiceFacts {
  readonly type: string
  readonly mainPid: number
  /** Empty for the manager's own. */
  readonly user: string
  readonly group: string
  readonly environment: readonly string[]
  /** Below /var/lib, made by systemd. */
  readonly stateDirectories: readonly string[]
  /** Sources by the names of their credentials. */
  readonly credentials: ReadonlyMap<string, string>
  /** Words of each command. */
  readonly start: readonly (readonly string[])[]
  readonly stop: readonly (readonly string[])[]
  readonly stopPost: readonly (readonly string[])[]
}

export type Units = ReadonlyMap<string, UnitFacts>

/** Units that a stop of the others takes along, at any level. */
export function hangingOn(tops: readonly string[], units: Units): ReadonlySet<string> {
  const found = new Set(tops)
  for (let size = 0; found.size > size; ) {
    size = found.size
    for (const each of units.values()) if (tiesOf(each).some((on) => found.has(on))) found.add(each.unit)
  }
  return found
}

function tiesOf({ requires, bindsTo, partOf }: UnitFacts): readonly string[] {
  return [...requires, ...bindsTo, ...partOf]
}

/** Timers, sockets and paths that start it. */
export function triggersOf(unit: string, units: Units): readonly string[] {
  return [...units.values()].filter(({ triggers }) => triggers.includes(unit)).map((each) => each.unit)
}

/** Whether it neither starts without one of these nor outlasts it. */
export function isTied({ requires, bindsTo, after }: UnitFacts, tops: ReadonlySet<string>): boolean {
  return [...requires, ...bindsTo].some((on) => tops.has(on) && after.includes(on))
}

/** Units that one waits for on behalf of another, the nearest first, up to the one that waits for that other itself. */
export function waitsThrough(from: string, to: string, units: Units): readonly string[] | null {
  const reachedFrom = new Map<string, string | null>([[from, null]])
  for (const [at] of reachedFrom) {
    const after = units.get(at)?.after ?? []
    if (after.includes(to)) return wayTo(at, reachedFrom)
    for (const next of after) if (!reachedFrom.has(next)) reachedFrom.set(next, at)
  }
  return null
}

function wayTo(end: string, reachedFrom: ReadonlyMap<string, string | null>): readonly string[] {
  const way: string[] = []
  for (let at: string | null | undefined = end; at != null; at = reachedFrom.get(at)) way.unshift(at)
  return way
}

/** Units that a start of the target starts too. */
export function startedWith(target: string, units: Units): ReadonlySet<string> {
  const found = new Set([target])
  for (const unit of found) {
    const facts = units.get(unit)
    if (facts === undefined) continue
    for (const next of [...facts.wants, ...facts.requires, ...facts.bindsTo, ...facts.upholds]) found.add(next)
  }
  return found
}
