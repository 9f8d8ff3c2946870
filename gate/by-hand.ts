import { monotonicMs } from '../daemon/clock.ts'
import { type DirectMandate, drainDirect } from '../daemon/direct.ts'
import type { HostProgress } from '../protocol/api.ts'
import type { Hold } from '../protocol/hold.ts'
import { type GateTimes, isWaveOver, type TargetWaves } from './core.ts'
import type { HandHost } from './keys.ts'

export interface HandParts {
  readonly targets: readonly TargetWaves[]
  readonly hosts: readonly HandHost[]
  readonly mandate: DirectMandate
  readonly times: GateTimes
  readonly graceMs: number
  readonly hold: Hold
  readonly show: (hosts: readonly HostProgress[]) => void
}

const lookMs = 50

/** Drains every host without the daemon, wave by wave; ends when all have come to an end, or at the deadline. */
export async function drainByHand(parts: HandParts): Promise<void> {
  parts.show(
    parts.targets.flatMap(({ target, waves }) =>
      waves.flat().map((host): HostProgress => ({ host, target, is: 'waiting', reason: '', units: [] })),
    ),
  )
  await Promise.all(parts.targets.map((target) => drainTarget(parts, target)))
}

async function drainTarget(parts: HandParts, { target, waves, waveLimitMs }: TargetWaves): Promise<void> {
  const { mandate, times, graceMs } = parts
  const ordered: Promise<void>[] = []
  for (const wave of waves) {
    const sinceMs = monotonicMs()
    const seats = new Map<string, HostProgress>()
    const tasks = wave.map((host) => drainSeat(parts, { host, target, seats }))
    ordered.push(...tasks)
    if (wave === waves.at(-1)) break
    const ended = Promise.all(tasks).then(() => true)
    const facts = { sinceMs, halfMs: times.halfMs, waveLimitMs, graceMs }
    const isOver = (): boolean =>
      mandate.signal?.aborted === true || isWaveOver({ ...facts, atMs: monotonicMs(), hosts: [...seats.values()] })
    while (!isOver()) if (await Promise.race([ended, pause(lookMs)])) break
  }
  await Promise.all(ordered)
}

interface SeatOf {
  readonly host: string
  readonly target: string
  readonly seats: Map<string, HostProgress>
}

async function drainSeat(parts: HandParts, { host, target, seats }: SeatOf): Promise<void> {
  const tell = (progress: HostProgress): void => {
    seats.set(host, progress)
    parts.show([progress])
  }
  tell({ host, target, is: 'moving', reason: '', units: [] })
  const dial = parts.hosts.find((one) => one.host === host) ?? { host, unfit: 'has no address' }
  if ('unfit' in dial) return tell({ host, target, is: 'failed', reason: dial.unfit, units: [] })
  const patience = { neverReachedMs: parts.graceMs, lostMs: parts.graceMs }
  await drainDirect(
    dial,
    { ...parts.mandate, ...patience },
    { targets: [target], shownAs: target, hold: parts.hold },
    tell,
  )
}

function pause(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(resolve, ms, false))
}
