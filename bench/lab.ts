import { type Fleet, startFleet, untilOpen } from '../test/lab/fleet.ts'
import type { Entry } from '../test/lab/journal.ts'
import { postgresToldToStop } from '../test/lab/order.ts'
import { momentsOf } from '../test/lab/unit-history.ts'
import { untilState } from '../test/lab/units.ts'
import { until } from '../test/lab/until.ts'
import { type Figure, figureOf, newRuns } from './figure.ts'

// Figures of four whole machines, read from what each wrote into its journal: they share this machine's clock.

/** What an agent is told, and how long the coordinator hears nothing of a host before it says so. */
const lostAfterMs = 10_000
const heartbeatLostMs = 12_000
const gate = 'io-guardian-gate@postgresql.service'

interface Wanted {
  readonly isWanted: (key: string) => boolean
  readonly runs: (usual: number) => number
}

/** Figures of a fleet of real hosts. */
export async function labFigures({ isWanted, runs }: Wanted): Promise<readonly Figure[]> {
  await using fleet = await startFleet({ suite: 'bookworm', agent: { lostAfter: `${lostAfterMs}ms` } })
  const figures: Figure[] = []
  if (isWanted('lab_stop_ms')) figures.push(await stopFigure(fleet, runs(5)))
  if (isWanted('lab_dead_peer_s')) figures.push(await deadPeerFigure(fleet, runs(3)))
  if (isWanted('lab_lost_s')) figures.push(await lostFigure(fleet, runs(2)))
  return figures
}

/** From `systemctl stop` until PostgreSQL is told to, less what its slowest dependent took; and so without its gate. */
async function stopFigure(fleet: Fleet, count: number): Promise<Figure> {
  const { io, members, postgres } = fleet
  const run = newRuns()
  for (let at = -1; at < count; at += 1) {
    const guarded = await toldAfterMs(fleet)
    const stops = members.map(async ({ host, workers }) => {
      return slowestMs(
        await host.journal(guarded.atUs),
        workers.map(({ unit }) => unit),
      )
    })
    const slowest = Math.max(...(await Promise.all(stops)))
    await io.systemctl('start', postgres)
    await untilOpen(...members)
    await io.systemctl('stop', gate)
    const bare = await toldAfterMs(fleet)
    await io.systemctl('start', postgres)
    await untilOpen(...members)
    // The first run warms both sides.
    if (at < 0) continue
    run.values.push(guarded.tookMs - slowest)
    run.references.push(bare.tookMs)
  }
  return figureOf('lab_stop_ms', run)
}

async function toldAfterMs(fleet: Fleet): Promise<{ readonly atUs: number; readonly tookMs: number }> {
  const atUs = Date.now() * 1_000
  await fleet.io.systemctl('stop', fleet.postgres)
  return { atUs, tookMs: ((await postgresToldToStop(fleet, atUs)) - atUs) / 1_000 }
}

/** The longest that one of these took to stop, itself and what had to stop before it. */
function slowestMs(journal: readonly Entry[], units: readonly string[]): number {
  const moments = momentsOf(journal, units)
  const began = moments.find(({ what }) => what === 'stopping')
  const ended = moments.findLast(({ what }) => what === 'stopped' || what === 'ended')
  return began === undefined || ended === undefined ? Number.NaN : (ended.at - began.at) / 1_000
}

/** From the cut of a host's cable until the coordinator says that it is lost. */
async function deadPeerFigure(fleet: Fleet, count: number): Promise<Figure> {
  const { io, lab } = fleet
  const { host } = fleet.member('jobs1')
  const run = newRuns()
  for (let at = 0; at < count; at += 1) {
    const cutUs = Date.now() * 1_000
    await lab.network.cut('io', host.name)
    const lost = await seen(() => io.journal(cutUs), 'host-lost', host.name)
    run.values.push((lost - cutUs) / 1e6)
    run.references.push(heartbeatLostMs / 1_000)
    await lab.network.heal()
    await seen(() => io.journal(lost), 'host-connected', host.name)
  }
  await untilOpen(...fleet.members)
  return figureOf('lab_dead_peer_s', run)
}

/** From the power cut of the host with the databases until the last host has drained itself. */
async function lostFigure(fleet: Fleet, count: number): Promise<Figure> {
  const { io, members } = fleet
  const run = newRuns()
  for (let at = 0; at < count; at += 1) {
    const cutUs = Date.now() * 1_000
    await io.cutPower()
    const drained = await Promise.all(members.map(({ host }) => seen(() => host.journal(cutUs), 'drained', null)))
    run.values.push((Math.max(...drained) - cutUs) / 1e6)
    run.references.push(lostAfterMs / 1_000)
    await io.boot()
    await untilState(io, 'io-guardian-coordinator.service', 'active')
    await untilOpen(...members)
  }
  return figureOf('lab_lost_s', run)
}

/** When a journal first had an event, once it has. */
async function seen(journal: () => Promise<readonly Entry[]>, event: string, host: string | null): Promise<number> {
  return until(`the event ${event} of ${host ?? 'a host'}`, async () => {
    const found = (await journal()).find(({ fields }) => {
      return fields.event === event && (host === null || fields.host === host)
    })
    return found?.at ?? false
  })
}
