import * as v from 'valibot'
import type { Bus } from '../../agent/adapters/bus.ts'
import { createSystemd, unitPath } from '../../agent/adapters/units-systemd.ts'
import type { ServiceFacts, UnitFacts } from '../core/unit.ts'

const names = v.array(v.string())
const microseconds = v.pipe(
  v.number(),
  v.transform((us) => us / 1_000),
)
/** What "infinity" is as a number of microseconds; the largest that there is. */
const infiniteMs = 2 ** 63 / 1_000

const unitProperties = v.object({
  Id: v.string(),
  LoadState: v.string(),
  ActiveState: v.string(),
  NeedDaemonReload: v.boolean(),
  Requires: names,
  BindsTo: names,
  PartOf: names,
  After: names,
  Before: names,
  Wants: names,
  // Only newer versions know it.
  Upholds: v.optional(names, []),
  WantedBy: names,
  RequiredBy: names,
  Triggers: names,
  RequiresMountsFor: names,
  StartLimitIntervalUSec: microseconds,
  Asserts: v.array(v.tuple([v.string(), v.boolean(), v.boolean(), v.string(), v.number()])),
})

const command = v.pipe(
  v.looseTuple([v.string(), names]),
  v.transform(([, words]) => words),
)
const serviceProperties = v.object({
  Type: v.string(),
  MainPID: v.number(),
  User: v.string(),
  Group: v.string(),
  Environment: names,
  StateDirectory: names,
  LoadCredential: v.optional(v.array(v.tuple([v.string(), v.string()])), []),
  ExecStart: v.array(command),
  ExecStop: v.array(command),
  ExecStopPost: v.array(command),
  TimeoutStopUSec: microseconds,
})

/** What a unit's own kind calls the limit of its stop. */
const stopLimits: Readonly<Record<string, readonly [type: string, property: string]>> = {
  socket: ['Socket', 'TimeoutUSec'],
  mount: ['Mount', 'TimeoutUSec'],
  swap: ['Swap', 'TimeoutUSec'],
  scope: ['Scope', 'TimeoutStopUSec'],
}
const kinds = ['service', 'target', 'timer', 'socket', 'path', 'mount', 'automount', 'swap', 'scope']

/** systemd as a doctor asks it: everything of every unit, and nothing is ordered. */
export interface UnitReader {
  /** Loads it, where it is not loaded. */
  read(unit: string): Promise<UnitFacts>
  /** Every unit that is loaded or has a file, by its own name. */
  readAll(): Promise<ReadonlyMap<string, UnitFacts>>
  /** Names of loaded units that fit a glob. */
  loaded(pattern: string): Promise<readonly string[]>
  /** Where an administrator's units go. */
  unitDir(): Promise<string>
}

export function createUnitReader(bus: Bus): UnitReader {
  const manager = { path: '/org/freedesktop/systemd1', interface: 'org.freedesktop.systemd1.Manager' }
  const getAll = async (path: string, type: string): Promise<unknown> => {
    const [values] = await bus.call({
      path,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'GetAll',
      signature: 's',
      body: [`org.freedesktop.systemd1.${type}`],
    })
    return values
  }

  async function read(unit: string): Promise<UnitFacts> {
    const path = unitPath(unit)
    const facts = v.parse(unitProperties, await getAll(path, 'Unit'))
    const kind = facts.Id.slice(facts.Id.lastIndexOf('.') + 1)
    const service = kind === 'service' ? v.parse(serviceProperties, await getAll(path, 'Service')) : null
    return unitOf(facts, service === null ? await stopLimit(path, kind) : service.TimeoutStopUSec, service)
  }

  async function stopLimit(path: string, kind: string): Promise<number | null> {
    const [type, property] = stopLimits[kind] ?? []
    if (type === undefined || property === undefined) return null
    return v.parse(v.looseObject({ [property]: microseconds }), await getAll(path, type))[property] ?? null
  }

  async function allNames(): Promise<ReadonlySet<string>> {
    const loaded = await createSystemd(bus).listLoaded([])
    const [files] = await bus.call({ ...manager, member: 'ListUnitFiles' })
    const paths = v.parse(v.array(v.tuple([v.string(), v.string()])), files)
    const found = [...loaded.map(({ unit }) => unit), ...paths.map(([path]) => path.slice(path.lastIndexOf('/') + 1))]
    return new Set(
      found.filter((unit) => kinds.includes(unit.slice(unit.lastIndexOf('.') + 1)) && !unit.includes('@.')),
    )
  }

  return {
    read,
    async readAll() {
      // A file that vanished meanwhile, or whose name no unit may have, is nobody's dependent.
      const read1 = [...(await allNames())].map((unit) => read(unit).catch(() => null))
      const all = await Promise.all(read1)
      return new Map(all.flatMap((facts) => (facts === null ? [] : [[facts.unit, facts] as const])))
    },
    async loaded(pattern) {
      const [rows] = await bus.call({
        ...manager,
        member: 'ListUnitsByPatterns',
        signature: 'asas',
        body: [[], [pattern]],
      })
      return v.parse(v.array(v.looseTuple([v.string()])), rows).map(([unit]) => unit)
    },
    async unitDir() {
      const { UnitPath } = v.parse(v.object({ UnitPath: names }), await getAll(manager.path, 'Manager'))
      return UnitPath.find((path) => /^(?!\/run\/).*\/systemd\/(system|user)$/.test(path)) ?? '/etc/systemd/system'
    },
  }
}

function unitOf(
  facts: v.InferOutput<typeof unitProperties>,
  stopMs: number | null,
  service: v.InferOutput<typeof serviceProperties> | null,
): UnitFacts {
  return {
    unit: facts.Id,
    load: facts.LoadState,
    active: facts.ActiveState,
    isStale: facts.NeedDaemonReload,
    requires: facts.Requires,
    bindsTo: facts.BindsTo,
    partOf: facts.PartOf,
    after: facts.After,
    before: facts.Before,
    wants: facts.Wants,
    upholds: facts.Upholds,
    wantedBy: facts.WantedBy,
    requiredBy: facts.RequiredBy,
    triggers: facts.Triggers,
    assertsAbsent: facts.Asserts.flatMap(([type, isTrigger, isNegated, path]) =>
      type === 'AssertPathExists' && !isTrigger && isNegated ? [path] : [],
    ),
    mountsFor: facts.RequiresMountsFor,
    startLimitMs: facts.StartLimitIntervalUSec,
    stopLimitMs: stopMs !== null && stopMs >= infiniteMs ? 'infinite' : stopMs,
    service: service === null ? null : serviceOf(service),
  }
}

function serviceOf(facts: v.InferOutput<typeof serviceProperties>): ServiceFacts {
  return {
    type: facts.Type,
    mainPid: facts.MainPID,
    user: facts.User,
    group: facts.Group,
    environment: facts.Environment,
    stateDirectories: facts.StateDirectory,
    credentials: new Map(facts.LoadCredential),
    start: facts.ExecStart,
    stop: facts.ExecStop,
    stopPost: facts.ExecStopPost,
  }
}
