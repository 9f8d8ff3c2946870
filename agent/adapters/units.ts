import type { Log } from '../../daemon/log.ts'
import { reasonOf } from '../../daemon/reason.ts'
import type { TargetView } from '../core/state.ts'
import type { Bus } from './bus.ts'
import { createSystemd, readSignal } from './units-systemd.ts'
import { Watch, type WatchedTarget } from './units-watch.ts'

/** The targets of this host and everything that hangs on them, on systemd. */
export interface Units extends Disposable {
  /** Stops a target; views from then on have `round`. Never throws: without success no view gets it. */
  stop(target: string, round: number): void
  start(target: string): void
  /** ActiveState of any unit. */
  unitState(unit: string): Promise<string>
  /** Targets whose unit does not exist, by name. */
  missing(): readonly string[]
}

export interface UnitsParts {
  readonly bus: Bus
  readonly targets: readonly WatchedTarget[]
  readonly told: (target: string, view: TargetView) => void
  readonly log: Log
}

const recheckEveryMs = 10_000

export function openUnits({ bus, targets, told, log }: UnitsParts): Units {
  const systemd = createSystemd(bus)
  const watches = new Map(
    targets.map((target): [string, Watch] => [
      target.name,
      new Watch({ target, systemd, log, told: (view) => told(target.name, view) }),
    ]),
  )

  async function begin(): Promise<void> {
    try {
      await systemd.subscribe()
    } catch (cause) {
      log.warn({ reason: reasonOf(cause) }, 'systemd gives no signals; asking it every 10 s')
    }
    for (const watch of watches.values()) watch.reread()
  }

  bus.onSignal((signal) => {
    const meaning = readSignal(signal)
    if (meaning !== null) for (const watch of watches.values()) watch.signal(meaning)
  })
  bus.onConnection((connected) => {
    if (connected) void begin()
  })
  void begin()
  const timer = setInterval(() => {
    if (bus.connected) for (const watch of watches.values()) watch.recheck()
  }, recheckEveryMs)
  return {
    stop: (target, round) => watches.get(target)?.stop(round),
    start: (target) => watches.get(target)?.start(),
    unitState: async (unit) => (await systemd.list([unit]))[0]?.active ?? 'inactive',
    missing: () => [...watches].filter(([, watch]) => watch.isMissing).map(([name]) => name),
    [Symbol.dispose]() {
      clearInterval(timer)
      for (const watch of watches.values()) watch.close()
    },
  }
}
