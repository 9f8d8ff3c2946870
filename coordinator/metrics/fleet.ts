import { Counter, Gauge, type Registry } from '../../daemon/metrics.ts'
import type { FleetState } from '../core/state.ts'

/** The coordinator's own standing. */
export function addFleetMetrics(registry: Registry, read: () => FleetState): void {
  const registers = [registry]
  new Gauge({
    name: 'guardian_superseded',
    help: '1 while a later coordinator is known and this one orders nothing.',
    registers,
    collect() {
      this.set(read().superseded === null ? 0 : 1)
    },
  })
  new Gauge({
    name: 'guardian_epoch',
    help: 'Epoch of this start.',
    registers,
    collect() {
      this.set(read().claim.epoch)
    },
  })
  new Gauge({
    name: 'guardian_store_revision',
    help: 'Changes that the store has ever kept.',
    registers,
    collect() {
      this.set(read().claim.revision)
    },
  })
}

/** Counts what happened by its kind. */
export function addEventMetrics(registry: Registry, kinds: readonly string[]): (what: string) => void {
  // A thousand hosts change at once; finding a labelled series each time costs more than what it counts.
  const counts = new Map(kinds.map((what) => [what, 0]))
  new Counter({
    name: 'guardian_fleet_events_total',
    help: 'What happened, by kind, as in the log and in /v1/events.',
    labelNames: ['what'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [what, count] of counts) this.inc({ what }, count)
    },
  })
  return (what) => counts.set(what, (counts.get(what) ?? 0) + 1)
}
