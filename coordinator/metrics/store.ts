import { Counter, Histogram, type Registry } from '../../daemon/metrics.ts'
import type { FleetSave } from '../core/effect.ts'

/** `commit`, timed and counted. */
export function timedCommit(registry: Registry, commit: (save: FleetSave) => void): (save: FleetSave) => void {
  const registers = [registry]
  const took = new Histogram({
    name: 'guardian_store_write_duration_seconds',
    help: 'Time until a change was durable.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
    registers,
  })
  const failed = new Counter({
    name: 'guardian_store_write_failures_total',
    help: 'Changes that the store refused.',
    registers,
  })
  return (save) => {
    const startMs = performance.now()
    try {
      commit(save)
    } catch (cause) {
      failed.inc()
      throw cause
    }
    took.observe((performance.now() - startMs) / 1_000)
  }
}
