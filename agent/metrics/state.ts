import { Gauge, type Registry } from '../../daemon/metrics.ts'
import { activeStates, dutyStates } from '../../protocol/v2/report.ts'
import { dutyState, holdsOf } from '../core/duty.ts'
import { hasCoordinator } from '../core/permission.ts'
import type { AgentState, Duty } from '../core/state.ts'

const ownerKinds = ['operator', 'gate', 'rollout', 'v1', 'direct', 'self'] as const

export interface StateSource {
  readonly state: () => AgentState
  readonly nowMs: () => number
  /** Targets whose unit does not exist. */
  readonly missing: () => readonly string[]
  readonly busConnected: () => boolean
  readonly strangers: () => number
}

/** What is, read from the state at each scrape. */
export function showState(registry: Registry, source: StateSource): void {
  showTargets(registry, source)
  showCoordinator(registry, source)
  const registers = [registry]
  new Gauge({
    name: 'guardian_bus_connected',
    help: 'Whether systemd answers.',
    registers,
    collect() {
      this.set(source.busConnected() ? 1 : 0)
    },
  })
  new Gauge({
    name: 'guardian_strangers',
    help: 'Connections that have not proved a key yet.',
    registers,
    collect() {
      this.set(source.strangers())
    },
  })
}

function showTargets(registry: Registry, { state, missing }: StateSource): void {
  perTarget(registry, state, {
    name: 'guardian_target_state',
    help: 'The state of a target: 1 for the one that it is in.',
    label: 'state',
    values: dutyStates,
    of: (duty, value) => (dutyState(duty, state().bootId) === value ? 1 : 0),
  })
  perTarget(registry, state, {
    name: 'guardian_dependents',
    help: 'Units that hang on a target, by ActiveState.',
    label: 'state',
    values: activeStates,
    of: (duty, value) => (duty.view?.dependents ?? []).filter(({ active }) => active === value).length,
  })
  perTarget(registry, state, {
    name: 'guardian_holds',
    help: 'Reasons for a target to stay drained, by kind of owner.',
    label: 'owner',
    values: ownerKinds,
    of: (duty, value) => holdsOf(duty).filter(({ owner }) => owner.split(':')[0] === value).length,
  })
  single(registry, state, {
    name: 'guardian_oldest_hold_since_seconds',
    help: 'When the oldest hold was taken, since 1970; 0 where there is none.',
    of: (duty) => holdsOf(duty).reduce((oldest, { sinceMs }) => Math.min(oldest || sinceMs, sinceMs), 0) / 1_000,
  })
  single(registry, state, {
    name: 'guardian_durable',
    help: 'Whether the record of a target is on disk as it is in memory.',
    of: (duty) => (duty.durable ? 1 : 0),
  })
  single(registry, state, {
    name: 'guardian_target_missing',
    help: 'Whether systemd has no unit file of the target.',
    of: (duty) => (missing().includes(duty.spec.name) ? 1 : 0),
  })
}

interface PerTarget<Value extends string> {
  readonly name: string
  readonly help: string
  readonly label: string
  /** All of them are shown, zeros too. */
  readonly values: readonly Value[]
  readonly of: (duty: Duty, value: Value) => number
}

function perTarget<Value extends string>(registry: Registry, state: () => AgentState, shown: PerTarget<Value>): void {
  const { name, help, label, values, of } = shown
  new Gauge({
    name,
    help,
    labelNames: ['target', label],
    registers: [registry],
    collect() {
      for (const [target, duty] of state().duties)
        for (const value of values) this.set({ target, [label]: value }, of(duty, value))
    },
  })
}

interface Single {
  readonly name: string
  readonly help: string
  readonly of: (duty: Duty) => number
}

function single(registry: Registry, state: () => AgentState, { name, help, of }: Single): void {
  new Gauge({
    name,
    help,
    labelNames: ['target'],
    registers: [registry],
    collect() {
      for (const [target, duty] of state().duties) this.set({ target }, of(duty))
    },
  })
}

function showCoordinator(registry: Registry, { state, nowMs }: StateSource): void {
  const registers = [registry]
  new Gauge({
    name: 'guardian_coordinator_connected',
    help: 'Whether a coordinator has a link.',
    registers,
    collect() {
      this.set(hasCoordinator(state()) ? 1 : 0)
    },
  })
  new Gauge({
    name: 'guardian_coordinator_last_seen_seconds',
    help: 'Since the last accepted word of a coordinator, or since the start where there was none.',
    registers,
    collect() {
      this.set((nowMs() - state().coordinatorHeardMs) / 1_000)
    },
  })
  new Gauge({
    name: 'guardian_coordinator_epoch',
    help: 'The highest epoch that was accepted.',
    registers,
    collect() {
      this.set(state().seen?.epoch ?? 0)
    },
  })
  new Gauge({
    name: 'guardian_probe_ready',
    help: 'Whether a resource is ready, as seen from this host.',
    labelNames: ['resource'],
    registers,
    collect() {
      for (const [resource, { ok }] of state().probes) this.set({ resource }, ok ? 1 : 0)
    },
  })
}
