import { type Probe, type ProbeSpec, startProbe, type Verdict } from '../../daemon/probe.ts'
import { readUnitState } from './unit-state.ts'

export interface ProbesOptions {
  readonly specs: ReadonlyMap<string, ProbeSpec>
  /** The first verdict on each resource and each that differs from the one before. */
  readonly told: (resource: string, verdict: Verdict) => void
  /** Every verdict, for counting. */
  readonly answered: (resource: string, ready: boolean) => void
}

/** The probes of the resources. */
export interface Probes {
  /** Probes that did not change go on undisturbed. */
  configure(specs: ReadonlyMap<string, ProbeSpec>): void
  close(): void
}

interface Running {
  readonly text: string
  readonly probe: Probe
}

export function startProbes({ specs, told, answered }: ProbesOptions): Probes {
  const running = new Map<string, Running>()

  function start(resource: string, spec: ProbeSpec, text: string): void {
    let last = ''
    const probe = startProbe(
      spec,
      (verdict) => {
        answered(resource, verdict.ready)
        const now = `${verdict.ready} ${verdict.reason}`
        if (now !== last) told(resource, verdict)
        last = now
      },
      { unitState: readUnitState },
    )
    running.set(resource, { text, probe })
  }

  function configure(next: ReadonlyMap<string, ProbeSpec>): void {
    for (const [resource, { probe, text }] of running) {
      if (JSON.stringify(next.get(resource)) === text) continue
      probe.stop()
      running.delete(resource)
    }
    for (const [resource, spec] of next) if (!running.has(resource)) start(resource, spec, JSON.stringify(spec))
  }

  configure(specs)
  return { configure, close: () => configure(new Map()) }
}
