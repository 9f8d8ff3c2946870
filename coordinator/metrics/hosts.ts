import { Gauge, type Registry } from '../../daemon/metrics.ts'
import { dutyStates } from '../../protocol/v2/report.ts'
import type { FleetState, HostSpec } from '../core/state.ts'
import { holdsOn, seatOf } from '../core/wanted.ts'

const seatStates = [...dutyStates, 'acknowledged', 'unknown'] as const
type SeatState = (typeof seatStates)[number]

// Two targets a host have series of their own, 3 + 2 × 11 in all, and 4 of rollouts, below the 30 allowed. More are told
// as sums.
const ownTargetsMax = 2
const together = '*'

/** Links of the hosts: what is up, how far away, of which protocol. */
export function addHostMetrics(registry: Registry, read: () => FleetState): void {
  const registers = [registry]
  new Gauge({
    name: 'guardian_host_connected',
    help: '1 while the link to the host is up.',
    labelNames: ['host'],
    registers,
    collect() {
      const { plan, hosts } = read()
      this.reset()
      for (const host of plan.hosts.keys()) this.set({ host }, hosts.get(host)?.link.is === 'up' ? 1 : 0)
    },
  })
  new Gauge({
    name: 'guardian_host_round_trip_seconds',
    help: 'Last round trip to a connected host.',
    labelNames: ['host'],
    registers,
    collect() {
      this.reset()
      for (const [host, { link }] of read().hosts) {
        if (link.is === 'up' && link.roundTripMs !== null) this.set({ host }, link.roundTripMs / 1_000)
      }
    },
  })
  new Gauge({
    name: 'guardian_host_awaited',
    help: '1 while a takeover waits for the report of the host before it opens anything.',
    labelNames: ['host'],
    registers,
    collect() {
      this.reset()
      for (const host of read().awaiting) this.set({ host }, 1)
    },
  })
}

/** What is wanted of each target of each host, and what is reported. */
export function addTargetMetrics(registry: Registry, read: () => FleetState): void {
  const registers = [registry]
  new Gauge({
    name: 'guardian_host_target_wanted_drained',
    help: '1 where a hold wants the target drained on the host.',
    labelNames: ['host', 'target'],
    registers,
    collect() {
      const state = read()
      this.reset()
      for (const { host, target, label } of seatsOf(state)) {
        this.inc({ host: host.name, target: label }, holdsOn(state, host.name, target).length > 0 ? 1 : 0)
      }
    },
  })
  new Gauge({
    name: 'guardian_host_target_state',
    help: 'What the host reports of the target; "drifted" is an active target that somebody else stopped.',
    labelNames: ['host', 'target', 'state'],
    registers,
    collect() {
      const state = read()
      this.reset()
      for (const { host, target, label } of seatsOf(state)) {
        const is = seatState(state, host.name, target)
        for (const each of seatStates) {
          this.inc({ host: host.name, target: label, state: each }, each === is ? 1 : 0)
        }
      }
    },
  })
  new Gauge({
    name: 'guardian_host_target_breaches',
    help: 'Dependents that became active under a hold, as the host reports them since its agent began.',
    labelNames: ['host', 'target'],
    registers,
    collect() {
      const state = read()
      this.reset()
      for (const { host, target, label } of seatsOf(state)) {
        const { report } = seatOf(state.hosts.get(host.name), target)
        this.inc({ host: host.name, target: label }, report?.breaches ?? 0)
      }
    },
  })
}

interface SeatAt {
  readonly host: HostSpec
  readonly target: string
  readonly label: string
}

function* seatsOf(state: FleetState): Generator<SeatAt> {
  for (const host of state.plan.hosts.values()) {
    const isOwn = host.targets.length <= ownTargetsMax
    for (const target of host.targets) yield { host, target, label: isOwn ? target : together }
  }
}

function seatState(state: FleetState, host: string, target: string): SeatState {
  const { report, acknowledged } = seatOf(state.hosts.get(host), target)
  return report?.is ?? (acknowledged === null ? 'unknown' : 'acknowledged')
}
