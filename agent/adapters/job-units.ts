import * as v from 'valibot'
import { unitName } from '../../protocol/names.ts'
import { type HelperAction, helperActions, unitsOf } from '../../protocol/rebuild-units.ts'
import type { JobSight, UnitSight } from '../core/job.ts'
import type { Bus } from './bus.ts'

/** What systemd says of a job and of the host around it. */
export interface JobUnits {
  startHelper(action: HelperAction, job: string): Promise<void>
  running(job: string): Promise<Pick<JobSight, 'running'> & { readonly isArmed: boolean }>
  health(): Promise<UnitSight>
}

const manager = { path: '/org/freedesktop/systemd1', interface: 'org.freedesktop.systemd1.Manager' } as const
const startLimitMs = 30_000
const text = v.string()
const rows = v.tuple([v.array(v.tuple([text, text, text, text, text, text, text, v.number(), text, text]))])
const count = v.tuple([v.number()])

interface Row {
  readonly unit: string
  readonly path: string
  readonly active: string
  readonly hasJob: boolean
}

export function createJobUnits(bus: Bus): JobUnits {
  async function list(states: readonly string[], patterns: readonly string[]): Promise<readonly Row[]> {
    const call = { ...manager, member: 'ListUnitsByPatterns', signature: 'asas', body: [states, patterns] }
    const [found] = v.parse(rows, await bus.call(call))
    return found.map(([unit, , , active, , , path, job]) => ({ unit, path, active, hasJob: job !== 0 }))
  }
  const names = async (states: readonly string[], patterns: readonly string[]): Promise<readonly string[]> =>
    (await list(states, patterns)).map(({ unit }) => unit).filter((unit) => v.is(unitName, unit))
  async function restartsOf({ unit, path }: Row): Promise<readonly [string, number]> {
    const body = ['org.freedesktop.systemd1.Service', 'NRestarts']
    const call = { path, interface: 'org.freedesktop.DBus.Properties', member: 'Get', signature: 'ss', body }
    // It may be gone by now.
    const told = await bus.call(call).catch(() => [0])
    return [unit, v.parse(v.fallback(count, [0]), told)[0]]
  }
  return {
    async startHelper(action, job) {
      const body = [unitsOf(job).helper(action), 'replace']
      await bus.call({ ...manager, member: 'StartUnit', signature: 'ss', body }, { limitMs: startLimitMs })
    },
    async running(job) {
      const own = unitsOf(job)
      const patterns = [
        `io-guardian-rebuild@*-${job}.service`,
        own.switch,
        own.revert,
        ...own.deadMan.map((name) => `${name}.*`),
      ]
      const busy = (await list([], patterns)).filter(
        ({ active, hasJob }) => hasJob || !['inactive', 'failed'].includes(active),
      )
      const is = (unit: string): boolean => busy.some((row) => row.unit === unit)
      const isBack = is(own.revert) || own.deadMan.some((name) => is(`${name}.service`))
      const action = helperActions.find((each) => is(own.helper(each)))
      return {
        running: isBack ? 'back' : (action ?? (is(own.switch) ? 'switch' : null)),
        isArmed: own.deadMan.some((name) => is(`${name}.timer`)),
      }
    },
    async health() {
      const [failed, restarting, services] = await Promise.all([
        names(['failed'], []),
        names(['auto-restart'], ['*.service']),
        list(['active', 'activating'], ['*.service']),
      ])
      const restarts = await Promise.all(services.map(restartsOf))
      return { failed, restarting, restarts: restarts.filter(([, times]) => times > 0) }
    },
  }
}
