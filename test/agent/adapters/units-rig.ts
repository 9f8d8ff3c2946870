import { type Bus, openBus } from '../../../agent/adapters/bus.ts'
import { openUnits, type Units } from '../../../agent/adapters/units.ts'
import type { WatchedTarget } from '../../../agent/adapters/units-watch.ts'
import type { DependentView, TargetView, UnitView } from '../../../agent/core/state.ts'
import { type Manager, startManager } from '../../hosts/manager.ts'
import { quietLog } from '../quiet-log.ts'

/** A real systemd, its bus, and every view that was told of one target. */
export interface UnitsRig extends AsyncDisposable {
  readonly host: Manager
  readonly bus: Bus
  readonly units: Units
  readonly views: readonly TargetView[]
  /** The first view, of those to come or the last one, that fits. */
  seen(what: string, fits: (view: TargetView) => boolean): Promise<TargetView>
}

export const target = 'io-databases'
const limitMs = 20_000

export async function openUnitsRig(options: {
  readonly prepare: (host: Manager) => Promise<void>
  readonly dependents?: WatchedTarget['dependents']
}): Promise<UnitsRig> {
  const host = await startManager({ name: 'units' })
  try {
    await options.prepare(host)
    const bus = await openBus(host.bus)
    const views: TargetView[] = []
    const waiting = new Set<(view: TargetView) => void>()
    const units = openUnits({
      bus,
      log: quietLog(),
      targets: [{ name: target, unit: `${target}.target`, dependents: options.dependents ?? [] }],
      told: (_target, view) => {
        views.push(view)
        for (const look of waiting) look(view)
      },
    })
    return {
      host,
      bus,
      units,
      views,
      seen: (what, fits) =>
        new Promise((resolve, reject) => {
          const late = setTimeout(() => {
            waiting.delete(look)
            reject(new Error(`not seen: ${what}; last: ${JSON.stringify(views.at(-1))}`))
          }, limitMs)
          const look = (view: TargetView): void => {
            if (!fits(view)) return
            clearTimeout(late)
            waiting.delete(look)
            resolve(view)
          }
          waiting.add(look)
          const last = views.at(-1)
          if (last !== undefined) look(last)
        }),
      async [Symbol.asyncDispose]() {
        units[Symbol.dispose]()
        await bus[Symbol.asyncDispose]()
        await host.stop()
      },
    }
  } catch (cause) {
    await host.stop()
    throw cause
  }
}

export function unitIn({ target: top, dependents }: TargetView, unit: string): UnitView | DependentView | undefined {
  return unit === top.unit ? top : dependents.find((each) => each.unit === unit)
}

export function dependentIn({ dependents }: TargetView, unit: string): DependentView | undefined {
  return dependents.find((each) => each.unit === unit)
}

/** What the core takes for drained. */
export function isQuiet(view: TargetView, round: number): boolean {
  const units: readonly UnitView[] = [view.target, ...view.dependents]
  return (
    view.round === round &&
    units.every(({ active, processes }) => active !== 'active' && active !== 'deactivating' && processes === 0)
  )
}

export function isUp(view: TargetView): boolean {
  const starting = view.dependents.filter(
    ({ wanted, job, active }) => wanted && (job === 'start' || active === 'activating'),
  )
  return view.target.active === 'active' && starting.length === 0
}
