import { Gauge, type Registry } from '../../daemon/metrics.ts'
import type { FleetState } from '../core/state.ts'

const gateStates = ['up', 'down', 'absent'] as const

/** Probes and gates. */
export function addResourceMetrics(registry: Registry, read: () => FleetState): void {
  const registers = [registry]
  new Gauge({
    name: 'guardian_resource_ready',
    help: '1 while the probe of the resource says that it is ready.',
    labelNames: ['resource'],
    registers,
    collect() {
      const { plan, resources } = read()
      this.reset()
      for (const { name, probed } of plan.resources.values()) {
        if (probed) this.set({ resource: name }, resources.get(name)?.ready === true ? 1 : 0)
      }
    },
  })
  new Gauge({
    name: 'guardian_gate_state',
    help: "What the gate's file says; absent, or of another boot, means down.",
    labelNames: ['resource', 'state'],
    registers,
    collect() {
      const { plan, resources } = read()
      this.reset()
      for (const { name, gate } of plan.resources.values()) {
        if (gate === null) continue
        const is = resources.get(name)?.gate?.is ?? 'absent'
        for (const state of gateStates) this.set({ resource: name, state }, state === is ? 1 : 0)
      }
    },
  })
}
