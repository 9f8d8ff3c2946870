import { type Systemd, unitPath } from './units-systemd.ts'

/** A unit that hangs on a target. */
export interface Hanging {
  readonly unit: string
  readonly path: string
  /** `Requires` or `BindsTo` and `After` towards what it hangs on, all the way up to the target. */
  readonly guarded: boolean
  /** The target's own start starts it too. */
  readonly wanted: boolean
  readonly cgroup: string | null
}

/** Everything that has to stop when a target does. */
export interface Graph {
  readonly target: string
  readonly path: string
  /** Whether there is a unit file of it. */
  readonly isLoaded: boolean
  /** False where systemd keeps nothing of it in memory: then nothing that hangs on it runs, and nobody knows its names. */
  readonly isComplete: boolean
  readonly hanging: ReadonlyMap<string, Hanging>
  /** Configured by name and not taken along by the target's stop. */
  readonly loose: readonly string[]
}

/** Who hangs on one unit, by the kind of tie. */
interface Ties {
  readonly requiredBy: readonly string[]
  readonly partOf: readonly string[]
  readonly wantedBy: readonly string[]
  readonly before: readonly string[]
}

/** Reads the closure over RequiredBy, BoundBy and ConsistsOf of the target and of the configured dependents. */
export async function readGraph(systemd: Systemd, target: string, configured: readonly string[]): Promise<Graph> {
  const [top, ...named] = await systemd.list([target, ...configured])
  if (top === undefined) throw new Error(`systemd does not list ${target}`)
  // A unit that something running hangs on is kept in memory. Asking for one that is not would load it at each question.
  const loaded = await systemd.listLoaded([top.unit, ...named.map(({ unit }) => unit)])
  const kept = new Set(loaded.map(({ unit }) => unit))
  const ties = new Map<string, Ties>()
  const taken = await closure(systemd, ties, [top.unit], kept)
  const loose = named.map(({ unit }) => unit).filter((unit) => !taken.has(unit))
  const all = new Set([...taken, ...(await closure(systemd, ties, loose, kept))])
  all.delete(top.unit)
  const guarded = reach(top.unit, ties, (tie) => tie.requiredBy.filter((unit) => tie.before.includes(unit)))
  const wanted = reachWanted(top.unit, ties)
  const hanging = [...all].map(async (unit): Promise<[string, Hanging]> => {
    const path = unitPath(unit)
    const cgroup = ties.has(unit) ? await systemd.cgroup(unit, path) : null
    return [unit, { unit, path, guarded: guarded.has(unit), wanted: wanted.has(unit), cgroup }]
  })
  const { unit, path, isLoaded } = top
  const isComplete = kept.has(unit)
  return { target: unit, path, isLoaded, isComplete, hanging: new Map(await Promise.all(hanging)), loose }
}

/** The units and all that hangs on those of them that are kept in memory; their ties are put into `ties`. */
async function closure(
  systemd: Systemd,
  ties: Map<string, Ties>,
  units: readonly string[],
  kept: ReadonlySet<string>,
): Promise<Set<string>> {
  const found = new Set(units)
  let level = units.filter((unit) => kept.has(unit) && !ties.has(unit))
  while (level.length > 0) {
    const read = await Promise.all(level.map(async (unit) => [unit, await readTies(systemd, unit)] as const))
    for (const [unit, tie] of read) ties.set(unit, tie)
    const next = new Set(read.flatMap(([, tie]) => [...tie.requiredBy, ...tie.partOf]))
    for (const unit of next) found.add(unit)
    level = [...next].filter((unit) => !ties.has(unit))
  }
  return found
}

async function readTies(systemd: Systemd, unit: string): Promise<Ties> {
  const path = unitPath(unit)
  const kinds = ['RequiredBy', 'BoundBy', 'ConsistsOf', 'WantedBy', 'UpheldBy', 'Before'] as const
  const [required = [], bound = [], partOf = [], wanted = [], upheld = [], before = []] = await Promise.all(
    kinds.map((kind) => systemd.dependencies(path, kind)),
  )
  const requiredBy = [...required, ...bound]
  return { requiredBy, partOf, wantedBy: [...wanted, ...upheld, ...requiredBy], before }
}

/** Every unit that `next` leads to from the target, over any number of steps. */
function reach(target: string, ties: ReadonlyMap<string, Ties>, next: (tie: Ties) => readonly string[]): Set<string> {
  const found = new Set<string>([target])
  for (const unit of found) {
    const tie = ties.get(unit)
    for (const each of tie === undefined ? [] : next(tie)) found.add(each)
  }
  return found
}

/** Every unit that a start of the target starts too: one that a started unit wants, requires or upholds. */
function reachWanted(target: string, ties: ReadonlyMap<string, Ties>): Set<string> {
  const started = new Set<string>([target])
  let size = 0
  while (started.size > size) {
    size = started.size
    for (const [unit, { wantedBy }] of ties) if (wantedBy.some((by) => started.has(by))) started.add(unit)
  }
  return started
}
