import type { FleetStatus, HoldStatus, HostStatus, ResourceStatus } from '../../protocol/api.ts'
import { limits } from '../../protocol/limits.ts'
import type { FleetHold, FleetState, HostSpec } from './state.ts'
import { holding } from './undrain.ts'
import { hostsOf, onWire, seatOf } from './wanted.ts'

/** Everything that `guardian ctl status` shows. */
export function fleetStatus(state: FleetState, atMs: number, wallMs: number): FleetStatus {
  return {
    claim: state.claim,
    build: state.build,
    nowMs: wallMs,
    superseded: state.superseded,
    awaiting: [...state.awaiting].sort(),
    hosts: [...state.plan.hosts.values()].map((host) => hostStatus(state, host, atMs)),
    holds: [...state.holds.values()].map((hold) => holdStatus(state, hold, atMs)),
    resources: [...state.plan.resources.keys()].map((name) => resourceStatus(state, name, atMs)),
  }
}

export function hostStatus(state: FleetState, spec: HostSpec, atMs: number): HostStatus {
  const link = state.hosts.get(spec.name)?.link
  const up = link?.is === 'up' ? link : null
  return {
    name: spec.name,
    address: spec.address,
    tags: [...spec.tags],
    protocol: spec.protocol,
    connected: up !== null,
    sinceMs: Math.max(0, atMs - (link?.sinceMs ?? atMs)),
    reason: link?.is === 'down' ? link.reason.slice(0, limits.messageLength) : '',
    roundTripMs: up?.roundTripMs ?? null,
    build: up?.build ?? null,
    bootId: up === null || up.bootId === '' ? null : up.bootId,
    targets: spec.targets.map((target) => seatStatus(state, spec, target, atMs)),
  }
}

function seatStatus(state: FleetState, spec: HostSpec, target: string, atMs: number): HostStatus['targets'][number] {
  const seat = seatOf(state.hosts.get(spec.name), target)
  const holds = holding(state, spec.name, target, atMs)
  const { report } = seat
  const isHeld = holds.length > 0
  return {
    target,
    want: isHeld ? 'drained' : 'open',
    is: report?.is ?? (seat.acknowledged === (isHeld ? 'drain' : 'undrain') ? 'acknowledged' : null),
    holds,
    dependents: [...(report?.dependents ?? [])],
    waitingFor: seat.trouble?.reason ?? report?.waitingFor ?? '',
    failed: [...(report?.failed ?? [])],
    breaches: report?.breaches ?? 0,
    durable: report?.durable ?? true,
  }
}

export function holdStatus(state: FleetState, hold: FleetHold, atMs: number): HoldStatus {
  const { targets, persisted, orphan } = hold
  return { ...onWire(hold, atMs), targets: [...targets], hosts: [...hostsOf(state, hold)], persisted, orphan }
}

function resourceStatus(state: FleetState, name: string, atMs: number): ResourceStatus {
  const plan = state.plan.resources.get(name)
  const now = state.resources.get(name)
  const gate = plan?.gate == null ? 'none' : now?.gate?.is === 'up' ? 'up' : 'down'
  const isReady = plan?.probed !== true || now?.ready === true
  return {
    name,
    ready: isReady,
    reason: (now?.reason ?? '').slice(0, limits.messageLength),
    sinceMs: Math.max(0, atMs - (now?.sinceMs ?? atMs)),
    gate,
  }
}
