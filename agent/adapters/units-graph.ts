import { type Dependency, type Systemd, unitPath } from './units-systemd.ts'

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
  /** Units that start or stop in a certain order with this one; read only where something hangs on it. */
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
  const wanted = await reachWanted(systemd, top.unit, ties)
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
  const kinds = ['RequiredBy', 'BoundBy', 'ConsistsOf'] as const
  const [required = [], bound = [], partOf = []] = await readEach(systemd, path, kinds)
  const requiredBy = [...required, ...bound]
  const before = requiredBy.length === 0 ? [] : await systemd.dependencies(path, 'Before')
  return { requiredBy, partOf, before }
}

function readEach(
  systemd: Systemd,
  path: string,
  kinds: readonly Dependency[],
): Promise<readonly (readonly string[])[]> {
  return Promise.all(kinds.map((kind) => systemd.dependencies(path, kind)))
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
async function reachWanted(systemd: Systemd, target: string, ties: ReadonlyMap<string, Ties>): Promise<Set<string>> {
  const started = new Set<string>([target])
  if (!ties.has(target)) return started
  const pulled = await readEach(systemd, unitPath(target), ['Wants', 'Requires', 'BindsTo', 'Upholds'])
  for (const unit of pulled.flat()) if (ties.has(unit)) started.add(unit)
  // Most are wanted by the target itself; of the others, each says who wants it.
  const rest = [...ties.keys()].filter((unit) => !started.has(unit))
  const wantedBy = await Promise.all(
    rest.map(async (unit): Promise<[string, readonly string[]]> => [unit, await wantersOf(systemd, unit, ties)]),
  )
  for (let size = 0; started.size > size; ) {
    size = started.size
    for (const [unit, by] of wantedBy) if (by.some((each) => started.has(each))) started.add(unit)
  }
  return started
}

async function wantersOf(systemd: Systemd, unit: string, ties: ReadonlyMap<string, Ties>): Promise<readonly string[]> {
  const read = await readEach(systemd, unitPath(unit), ['WantedBy', 'UpheldBy'])
  return [...read.flat(), ...(ties.get(unit)?.requiredBy ?? [])]
}
