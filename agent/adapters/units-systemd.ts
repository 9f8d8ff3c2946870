import * as v from 'valibot'
import { activeStates } from '../../protocol/v2/report.ts'
import type { UnitView } from '../core/state.ts'
import type { Bus, BusSignal } from './bus.ts'

const managerPath = '/org/freedesktop/systemd1'
const managerInterface = 'org.freedesktop.systemd1.Manager'
const unitInterface = 'org.freedesktop.systemd1.Unit'
const propertiesInterface = 'org.freedesktop.DBus.Properties'
// Polkit may ask a daemon of its own before systemd answers.
const orderLimitMs = 30_000

const active = v.fallback(v.picklist(activeStates), 'maintenance')
const unitList = v.tuple([
  v.array(
    v.tuple([
      v.string(),
      v.string(),
      v.string(),
      active,
      v.string(),
      v.string(),
      v.string(),
      v.number(),
      v.string(),
      v.string(),
    ]),
  ),
])
const names = v.tuple([v.array(v.string())])
const text = v.tuple([v.string()])
const unitChange = v.tuple([
  v.literal(unitInterface),
  v.object({ ActiveState: v.optional(active), Job: v.optional(v.tuple([v.number(), v.string()])) }),
  v.unknown(),
])
const jobNew = v.tuple([v.number(), v.string(), v.string()])
const jobRemoved = v.tuple([v.number(), v.string(), v.string(), v.string()])

/** How systemd shows a unit. */
export interface UnitState {
  /** Its own name, where it was asked for by another. */
  readonly unit: string
  readonly path: string
  readonly isLoaded: boolean
  readonly active: UnitView['active']
  readonly job: UnitView['job']
  /** 0 where there is none. */
  readonly jobId: number
}

export type SystemdSignal =
  | {
      readonly is: 'changed'
      readonly path: string
      readonly active: UnitView['active'] | null
      readonly jobId: number | null
    }
  | { readonly is: 'job-queued'; readonly unit: string; readonly jobId: number }
  | { readonly is: 'job-ended'; readonly unit: string; readonly jobId: number; readonly result: string }
  /** Unit files were read again, so dependencies may be others. */
  | { readonly is: 'reloaded' }

export type Dependency =
  | 'RequiredBy'
  | 'BoundBy'
  | 'ConsistsOf'
  | 'WantedBy'
  | 'UpheldBy'
  | 'Upholds'
  | 'Wants'
  | 'Before'
  | 'Requires'
  | 'BindsTo'
  | 'PartOf'

/** systemd's manager, in words of its own. */
export interface Systemd {
  subscribe(): Promise<void>
  /** In the order of the names; loads those that are not loaded. */
  list(units: readonly string[]): Promise<readonly UnitState[]>
  /** Those of the names that are loaded, in no order. */
  listLoaded(units: readonly string[]): Promise<readonly UnitState[]>
  dependencies(path: string, kind: Dependency): Promise<readonly string[]>
  /** Where the processes of a unit are or would be, below the root of all cgroups; null where it never has any. */
  cgroup(unit: string, path: string): Promise<string | null>
  stop(unit: string): Promise<void>
  start(unit: string): Promise<void>
  resetFailed(unit: string): Promise<void>
}

export function createSystemd(bus: Bus): Systemd {
  const call = (member: string, body: readonly unknown[], signature: string, limitMs?: number) =>
    bus.call(
      { path: managerPath, interface: managerInterface, member, ...(signature === '' ? {} : { signature, body }) },
      limitMs === undefined ? {} : { limitMs },
    )
  const property = (path: string, from: string, name: string) =>
    bus.call({ path, interface: propertiesInterface, member: 'Get', signature: 'ss', body: [from, name] })
  let root: Promise<string> | null = null
  const readRoot = async (): Promise<string> =>
    v.parse(text, await property(managerPath, managerInterface, 'ControlGroup'))[0]
  return {
    async subscribe() {
      await call('Subscribe', [], '')
    },
    list: async (units) => statesOf(await call('ListUnitsByNames', [units], 'as')),
    // They are taken for patterns, but no pattern has a letter that a unit's name may have.
    listLoaded: async (units) => statesOf(await call('ListUnitsByPatterns', [[], units], 'asas')),
    async dependencies(path, kind) {
      try {
        return v.parse(names, await property(path, unitInterface, kind))[0]
      } catch (cause) {
        // Only newer versions know that property.
        if (kind === 'UpheldBy' || kind === 'Upholds') return []
        throw cause
      }
    },
    async cgroup(unit, path) {
      const kind = unit.slice(unit.lastIndexOf('.') + 1)
      const from = cgroupInterfaces[kind]
      if (from === undefined) return null
      const [group] = v.parse(text, await property(path, from, 'ControlGroup'))
      if (group !== '') return group
      const [slice] = v.parse(text, await property(path, from, 'Slice'))
      root ??= readRoot()
      return `${await root}${slicePath(slice)}/${unit}`
    },
    async stop(unit) {
      await call('StopUnit', [unit, 'replace-irreversibly'], 'ss', orderLimitMs)
    },
    async start(unit) {
      await call('StartUnit', [unit, 'replace'], 'ss', orderLimitMs)
    },
    async resetFailed(unit) {
      await call('ResetFailedUnit', [unit], 's', orderLimitMs)
    },
  }
}

function statesOf(reply: readonly unknown[]): readonly UnitState[] {
  const [rows] = v.parse(unitList, reply)
  return rows.map(([unit, , load, active, , , path, jobId, jobType]) => {
    const job = jobId === 0 ? 'none' : jobOf(jobType)
    return { unit, path, isLoaded: load === 'loaded', active, job, jobId }
  })
}

const cgroupInterfaces: Readonly<Record<string, string>> = {
  service: 'org.freedesktop.systemd1.Service',
  socket: 'org.freedesktop.systemd1.Socket',
  mount: 'org.freedesktop.systemd1.Mount',
  swap: 'org.freedesktop.systemd1.Swap',
  scope: 'org.freedesktop.systemd1.Scope',
}

/** `/a.slice/a-b.slice` of `a-b.slice`: a slice lies in those that its name begins with. */
function slicePath(slice: string): string {
  if (slice === '' || slice === '-.slice') return ''
  const parts = slice.slice(0, -'.slice'.length).split('-')
  return parts.map((_, at) => `/${parts.slice(0, at + 1).join('-')}.slice`).join('')
}

function jobOf(type: string): UnitView['job'] {
  return type === 'start' || type === 'stop' ? type : 'other'
}

/** What a signal means here; null where it means nothing. */
export function readSignal(signal: BusSignal): SystemdSignal | null {
  switch (signal.member) {
    case 'PropertiesChanged': {
      if (signal.body[0] !== unitInterface) return null
      const change = v.safeParse(unitChange, signal.body)
      if (!change.success) return null
      const { ActiveState, Job } = change.output[1]
      return { is: 'changed', path: signal.path, active: ActiveState ?? null, jobId: Job?.[0] ?? null }
    }
    case 'JobNew': {
      const job = v.safeParse(jobNew, signal.body)
      return job.success ? { is: 'job-queued', unit: job.output[2], jobId: job.output[0] } : null
    }
    case 'JobRemoved': {
      const job = v.safeParse(jobRemoved, signal.body)
      if (!job.success) return null
      const [jobId, , unit, result] = job.output
      return { is: 'job-ended', unit, jobId, result }
    }
    case 'Reloading':
      return signal.body[0] === false ? { is: 'reloaded' } : null
    default:
      return null
  }
}

/** The object path of a unit. */
export function unitPath(unit: string): string {
  let path = ''
  for (const byte of Buffer.from(unit)) {
    const letter = String.fromCharCode(byte)
    const isPlain = /[A-Za-z]/.test(letter) || (path !== '' && /[0-9]/.test(letter))
    path += isPlain ? letter : `_${byte.toString(16).padStart(2, '0')}`
  }
  return `${managerPath}/unit/${path}`
}
