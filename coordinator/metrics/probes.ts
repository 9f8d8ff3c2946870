import { Counter, type Registry } from '../../daemon/metrics.ts'

const results = ['ready', 'not-ready'] as const

/** Counts each answer of each probe. */
export function addProbeMetrics(registry: Registry): (resource: string, ready: boolean) => void {
  const counter = new Counter({
    name: 'guardian_resource_probes_total',
    help: 'Answers of probes.',
    labelNames: ['resource', 'result'],
    registers: [registry],
  })
  return (resource, ready) => {
    // Both are there from the first answer on, so that a rate of either can be asked for.
    for (const result of results) counter.inc({ resource, result }, (result === 'ready') === ready ? 1 : 0)
  }
}
