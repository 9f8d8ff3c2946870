import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import * as v from 'valibot'
import { pathWith } from '../../daemon/api-client.ts'
import {
  drainAnswer,
  type FleetStatus,
  fleetStatus,
  hostProgress,
  type ProgressAnswer,
  progressAnswer,
  undrainAnswer,
} from '../../protocol/api.ts'
import { processesIn } from '../hosts/cgroup.ts'
import { type Fleet, targetName } from '../hosts/fleet.ts'
import type { Outcome } from '../hosts/manager.ts'
import { until } from '../hosts/until.ts'

const ended = v.object({ hosts: v.optional(v.array(hostProgress), []), hold: v.optional(v.string()) })

/** What `guardian ctl … --json` ended with. */
export interface Ended extends v.InferOutput<typeof ended> {
  readonly code: number
  /** All that it said. */
  readonly said: string
}

export async function ctl(fleet: Fleet, ...args: readonly string[]): Promise<Ended> {
  return endedOf(await fleet.ctl('--json', ...args))
}

export function endedOf({ code, stdout, stderr }: Outcome): Ended {
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), ended), stdout)
  return { ...(read.success ? read.output : { hosts: [] }), code, said: `${stdout}${stderr}` }
}

export async function statusOf(fleet: Fleet): Promise<FleetStatus> {
  return fleet.api.get('/v1/status', fleetStatus)
}

/** Orders a drain over the API, for where a process for each is too slow; resolves with the hold. */
export async function orderDrain(fleet: Fleet, selector: string): Promise<string> {
  const request = { selector, operator: 'tester', id: randomBytes(16).toString('hex') }
  return (await fleet.api.post('/v1/drain', request, drainAnswer)).hold
}

export async function orderUndrain(fleet: Fleet, selector: string): Promise<void> {
  await fleet.api.post('/v1/undrain', { selector }, undrainAnswer)
}

/** Waits until the coordinator takes a drain for ended, and resolves with how. */
export async function drainEnded(fleet: Fleet, hold: string): Promise<ProgressAnswer> {
  return ends(fleet, { want: 'drained', hold })
}

export async function undrainEnded(fleet: Fleet, selector: string): Promise<ProgressAnswer> {
  return ends(fleet, { want: 'open', target: targetName, selector })
}

async function ends(fleet: Fleet, query: Readonly<Record<string, string>>): Promise<ProgressAnswer> {
  return until(`the order ${JSON.stringify(query)} has ended`, async () => {
    const progress = await fleet.api.get(pathWith('/v1/progress', query), progressAnswer)
    return progress.settled && progress
  })
}

/** Units of a host that are not at rest or have a process, asked of systemd and the kernel, not of guardian. */
export async function alive(fleet: Fleet, name: string, units: readonly string[]): Promise<readonly string[]> {
  const host = fleet.host(name)
  const states = await host.states([`${targetName}.target`, ...units])
  const restless = [...states].filter(([, state]) => state !== 'inactive' && state !== 'failed')
  const processes = await Promise.all(
    units.map(async (unit) =>
      (await processesIn(join(host.cgroup, 'app.slice', unit))).map((pid) => `${unit} pid ${pid}`),
    ),
  )
  return [...restless.map(([unit, state]) => `${unit} ${state}`), ...processes.flat()]
}

export async function untilOpen(fleet: Fleet, name: string, units: readonly string[]): Promise<void> {
  await until(`${name} is open`, async () => {
    const states = await fleet.host(name).states([`${targetName}.target`, ...units])
    return [...states.values()].every((state) => state === 'active')
  })
}

export async function untilState(fleet: Fleet, name: string, unit: string, wanted: string): Promise<void> {
  const host = fleet.host(name)
  await until(`${unit} of ${name} is ${wanted}`, async () => (await host.show(unit, 'ActiveState')) === wanted)
}
