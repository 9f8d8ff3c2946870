import { monotonicMs } from '../daemon/clock.ts'
import type { Manager } from '../test/hosts/manager.ts'

/** What happened when: this process and every systemd read the same monotonic clock. */
export interface Timeline {
  readonly title: string
  readonly rows: readonly { readonly atMs: number; readonly host: string; readonly what: string }[]
}

type Moment = 'ActiveEnter' | 'ActiveExit' | 'InactiveEnter' | 'InactiveExit'

/** When a unit last came into a state, in milliseconds since boot. */
export async function momentOf(host: Manager, unit: string, moment: Moment): Promise<number> {
  return Number(await host.show(unit, `${moment}TimestampMonotonic`)) / 1_000
}

/** Collects what happens from now on. */
export function startTimeline(title: string, host: string, what: string) {
  const began = monotonicMs()
  const rows: Timeline['rows'][number][] = [{ atMs: began, host, what }]
  return {
    note: (host: string, what: string) => void rows.push({ atMs: monotonicMs(), host, what }),
    async unit(host: Manager, unit: string, moment: Moment, what: string): Promise<void> {
      rows.push({ atMs: await momentOf(host, unit, moment), host: host.name, what })
    },
    /** The last of several units. */
    async last(host: Manager, units: readonly string[], moment: Moment, what: string): Promise<number> {
      const atMs = Math.max(...(await Promise.all(units.map((unit) => momentOf(host, unit, moment)))))
      rows.push({ atMs, host: host.name, what })
      return atMs
    },
    end: (): Timeline => ({ title, rows: rows.sort((a, b) => a.atMs - b.atMs) }),
  }
}

/** The rows as text, in milliseconds after the first. */
export function rowsOf({ rows }: Timeline): readonly (readonly string[])[] {
  const began = rows[0]?.atMs ?? 0
  const lines = rows.map(({ atMs, host, what }) => [(atMs - began).toFixed(0), host, what])
  return [['ms', 'host', 'what happened'], ...lines]
}
