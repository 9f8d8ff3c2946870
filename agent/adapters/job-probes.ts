import * as v from 'valibot'
import { type Probe, type ProbeSpec, probeSpec, startProbe } from '../../daemon/probe.ts'
import type { HealthProbe } from '../../protocol/rollout/policy.ts'
import type { WantedProbe } from '../core/job-watch.ts'

/** The probes of rebuilds that this host asks itself. */
export interface JobProbes extends Disposable {
  want(probes: readonly WantedProbe[]): void
}

type Told = (job: string, name: string, ok: boolean, reason: string) => void

const pace = { every: '2s', timeout: '5s' } as const

export function createJobProbes(told: Told, unitState: (unit: string) => Promise<string>): JobProbes {
  const running = new Map<string, Probe>()
  return {
    want(probes) {
      const wanted = new Map(probes.map((each) => [JSON.stringify(each), each]))
      for (const [key, probe] of running) {
        if (wanted.has(key)) continue
        probe.stop()
        running.delete(key)
      }
      for (const [key, { job, name, probe }] of wanted) {
        const spec = running.has(key) ? null : specOf(probe)
        if (spec === null) continue
        running.set(
          key,
          startProbe(spec, ({ ready, reason }) => told(job, name, ready, reason), { unitState }),
        )
      }
    },
    [Symbol.dispose]() {
      for (const probe of running.values()) probe.stop()
    },
  }
}

/** null where it is none of an agent's. */
function specOf(probe: HealthProbe): ProbeSpec | null {
  if ('http' in probe) return v.parse(probeSpec, { type: 'http', url: probe.http, ...pace })
  if ('tcp' in probe) return v.parse(probeSpec, { type: 'tcp', host: probe.tcp.address, port: probe.tcp.port, ...pace })
  return 'unit' in probe ? v.parse(probeSpec, { type: 'unit', unit: probe.unit, ...pace }) : null
}
