import { wallMs } from '../../daemon/clock.ts'
import { Gauge, type Registry } from '../../daemon/metrics.ts'
import type { FleetHold, FleetState } from '../core/state.ts'

const ownerKinds = ['operator', 'gate', 'rollout', 'agent'] as const
type OwnerKind = (typeof ownerKinds)[number]

function kindOf({ owner }: FleetHold): OwnerKind {
  const [kind] = owner.split(':', 1)
  return kind === 'operator' || kind === 'gate' || kind === 'rollout' ? kind : 'agent'
}

/** Holds by the kind of their owner; who exactly, and why, is in the log and in `/v1/holds`. */
export function addHoldMetrics(registry: Registry, read: () => FleetState): void {
  const registers = [registry]
  const labelNames = ['owner']
  const holdsOf = (kind: OwnerKind) => [...read().holds.values()].filter((hold) => kindOf(hold) === kind)
  new Gauge({
    name: 'guardian_holds',
    help: 'Holds that stand.',
    labelNames,
    registers,
    collect() {
      for (const owner of ownerKinds) this.set({ owner }, holdsOf(owner).length)
    },
  })
  new Gauge({
    name: 'guardian_hold_oldest_age_seconds',
    help: 'Age of the oldest hold; 0 where there is none.',
    labelNames,
    registers,
    collect() {
      for (const owner of ownerKinds) {
        const since = Math.min(wallMs(), ...holdsOf(owner).map(({ sinceMs }) => sinceMs))
        this.set({ owner }, Math.max(0, (wallMs() - since) / 1_000))
      }
    },
  })
  new Gauge({
    name: 'guardian_holds_orphaned',
    help: 'Holds adopted from markers that this store never issued; an operator has to release them.',
    registers,
    collect() {
      this.set([...read().holds.values()].filter(({ orphan }) => orphan).length)
    },
  })
  new Gauge({
    name: 'guardian_holds_not_persisted',
    help: 'Holds that are carried out but that the store could not keep.',
    registers,
    collect() {
      this.set([...read().holds.values()].filter(({ persisted }) => !persisted).length)
    },
  })
}
