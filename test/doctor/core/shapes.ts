import type { AgentFacts } from '../../../doctor/core/agent.ts'
import type { CoordinatorFacts } from '../../../doctor/core/coordinator.ts'
import type { DaemonFacts } from '../../../doctor/core/daemon.ts'
import type { SecretFacts } from '../../../doctor/core/files.ts'
import type { GateFacts } from '../../../doctor/core/gate.ts'
import type { TargetFacts } from '../../../doctor/core/target.ts'
import type { ServiceFacts, UnitFacts, Units } from '../../../doctor/core/unit.ts'

// Facts of hosts on which nothing is wrong; each row of a table makes something wrong in them.

export const unitDir = '/etc/systemd/system'
export const marker = '/var/lib/io-guardian/drained/io-databases'
export const top = 'io-databases.target'
export const waitUnit = 'wait-for-io-databases.service'

export function service(more: Partial<ServiceFacts> = {}): ServiceFacts {
  return {
    type: 'exec',
    mainPid: 0,
    user: '',
    group: '',
    environment: [],
    stateDirectories: [],
    credentials: new Map(),
    start: [],
    stop: [],
    stopPost: [],
    ...more,
  }
}

export function unit(name: string, more: Partial<UnitFacts> = {}): UnitFacts {
  return {
    unit: name,
    load: 'loaded',
    active: 'active',
    isStale: false,
    requires: [],
    bindsTo: [],
    partOf: [],
    after: [],
    before: [],
    wants: [],
    upholds: [],
    wantedBy: ['multi-user.target'],
    requiredBy: [],
    triggers: [],
    assertsAbsent: [],
    mountsFor: [],
    startLimitMs: 10_000,
    stopLimitMs: 90_000,
    service: name.endsWith('.service') ? service() : null,
    ...more,
  }
}

export function guarded(name: string, more: Partial<UnitFacts> = {}): UnitFacts {
  return unit(name, { requires: [top], after: [top], assertsAbsent: [marker], ...more })
}

export function unitsOf(...units: readonly UnitFacts[]): Units {
  return new Map(units.map((each) => [each.unit, each]))
}

export const agentService = unit('io-guardian.service', { before: [waitUnit, top] })
export const targetUnit = unit(top, {
  requires: [waitUnit],
  after: [waitUnit],
  wants: ['app.service'],
  assertsAbsent: [marker],
  startLimitMs: 0,
  stopLimitMs: null,
})
export const waitService = unit(waitUnit, { partOf: [top], assertsAbsent: [marker], startLimitMs: 0 })
export const good = [targetUnit, waitService, agentService, guarded('app.service')] as const

export function target(more: Partial<TargetFacts> = {}): TargetFacts {
  return {
    target: 'io-databases',
    unit: top,
    waitUnit,
    marker,
    mount: null,
    dependents: [],
    units: unitsOf(...good),
    unitDir,
    ...more,
  }
}

export function daemon(more: Partial<DaemonFacts> = {}): DaemonFacts {
  return { what: 'agent', unit: agentService, unitDir, build: 'guardian 1', program: 'guardian 1', ...more }
}

export function secret(more: Partial<SecretFacts> = {}): SecretFacts {
  return {
    path: '/etc/guardian/psk',
    what: 'key',
    is: 'there',
    mode: 0o100600,
    forbidden: 0o077,
    fault: null,
    reader: 'io-guardian',
    readable: true,
    make: 'guardian keygen --out /etc/guardian/psk',
    ...more,
  }
}

export function agent(more: Partial<AgentFacts> = {}): AgentFacts {
  return {
    source: '/etc/guardian/agent.json',
    file: { path: '/etc/guardian/agent.json', readable: true },
    daemon: daemon(),
    user: 'io-guardian',
    secrets: [secret()],
    door: { address: '127.0.0.1', port: 9876, is: { is: 'ready' } },
    rights: { user: 'io-guardian', units: [top], answer: { is: 'asked', refused: [] } },
    stateDir: { path: '/var/lib/io-guardian', isThere: true, writable: true, isMade: true },
    targets: [target()],
    markers: [],
    probes: { source: '/etc/guardian/agent.json', anonymous: [] },
    ...more,
  }
}

export const gateUnit = unit('io-guardian-gate@postgresql.service', {
  bindsTo: ['postgresql.service'],
  after: ['postgresql.service', 'io-guardian.service'],
  stopLimitMs: 120_000,
  service: service({ type: 'oneshot', stopPost: [['guardian', 'gate', 'down', 'postgresql']] }),
})
export const database = unit('postgresql.service', { wants: [gateUnit.unit], service: service({ type: 'notify' }) })

export function gate(more: Partial<GateFacts> = {}): GateFacts {
  return {
    resource: 'postgresql',
    limitMs: 90_000,
    gate: gateUnit,
    bound: [database],
    clusters: [],
    agent: agentService,
    file: { path: '/run/io-guardian-gate/postgresql', is: 'up' },
    unitDir,
    ...more,
  }
}

export function coordinator(more: Partial<CoordinatorFacts> = {}): CoordinatorFacts {
  return {
    source: '/etc/guardian/coordinator.json',
    daemon: daemon({ what: 'coordinator', unit: unit('io-guardian-coordinator.service') }),
    secrets: [],
    api: { is: 'silent', reason: '' },
    socket: null,
    gates: [gate()],
    ungated: [],
    waves: [],
    hosts: [],
    probes: { source: '/etc/guardian/coordinator.json', anonymous: [] },
    ...more,
  }
}
