import { type ProbeSpec, startProbe, type Verdict } from '../daemon/probe.ts'

/** Probes the configured resources; tells each verdict that is not the one before. */
export function watchResources(
  resources: ReadonlyMap<string, ProbeSpec>,
  told: (resource: string, verdict: Verdict) => void,
  unitState: (unit: string) => Promise<string>,
): Disposable {
  const last = new Map<string, Verdict>()
  const probes = [...resources].map(([resource, spec]) =>
    startProbe(
      spec,
      (verdict) => {
        const before = last.get(resource)
        if (before?.ready === verdict.ready && before.reason === verdict.reason) return
        last.set(resource, verdict)
        told(resource, verdict)
      },
      { unitState },
    ),
  )
  return {
    [Symbol.dispose]() {
      for (const probe of probes) probe.stop()
    },
  }
}
