import type { FleetStatus, HoldStatus, HostProgress, HostStatus, ProgressState } from '../../protocol/api.ts'

export const instance = '0123456789abcdef0123456789abcdef'
export const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5)

type SeatStatus = HostStatus['targets'][number]

export function seatStatus(seat: Partial<SeatStatus> = {}): SeatStatus {
  return {
    target: 'io-databases',
    want: 'open',
    is: 'open',
    holds: [],
    dependents: [],
    waitingFor: '',
    failed: [],
    breaches: 0,
    durable: true,
    ...seat,
  }
}

export function hostStatus(name: string, host: Partial<HostStatus> = {}): HostStatus {
  return {
    name,
    address: '198.18.0.11',
    tags: ['web'],
    protocol: 'v2',
    connected: true,
    sinceMs: 3_600_000,
    reason: '',
    roundTripMs: 0.8,
    build: 'guardian 0.1.0',
    bootId: instance,
    targets: [seatStatus()],
    ...host,
  }
}

export function holdStatus(id: string, hold: Partial<HoldStatus> = {}): HoldStatus {
  return {
    id,
    owner: 'operator:anna',
    message: 'new kernel',
    sinceMs: nowMs - 7_800_000,
    selector: '*',
    except: [],
    targets: ['io-databases'],
    hosts: ['web1'],
    persisted: true,
    orphan: false,
    ...hold,
  }
}

export function fleetOf(fleet: Partial<FleetStatus> = {}): FleetStatus {
  return {
    claim: { epoch: 3, instance, revision: 41 },
    build: 'guardian 0.1.0',
    nowMs,
    superseded: null,
    awaiting: [],
    hosts: [hostStatus('web1'), hostStatus('web2'), hostStatus('web3')],
    holds: [],
    resources: [
      { name: 'postgresql', ready: true, reason: '', sinceMs: 11_520_000, gate: 'up' },
      { name: 'redis', ready: true, reason: '', sinceMs: 11_520_000, gate: 'up' },
    ],
    ...fleet,
  }
}

export function progressOf(host: string, is: ProgressState, more: Partial<HostProgress> = {}): HostProgress {
  return { host, target: 'io-databases', is, reason: '', units: [], ...more }
}
