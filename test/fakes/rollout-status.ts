import type { RolloutEvent, RolloutLogLine, RolloutStatus, RunStatus } from '../../protocol/rollout/api.ts'
import { nowMs } from './fleet-status.ts'

export const revision = '3f2a90c1'.repeat(5)
export const planHash = '5eed'.repeat(16)
export const systemOf = (name: string): string => `/nix/store/${'0'.repeat(32)}-nixos-system-${name}-25.11`

export function runOf(host: string, is: RunStatus['is'], run: Partial<RunStatus> = {}): RunStatus {
  return {
    host,
    stage: 0,
    is,
    sinceMs: 14_000,
    reason: '',
    attempt: 1,
    action: 'live',
    bootOnce: true,
    rebootReasons: [],
    blockers: [],
    touches: [],
    system: systemOf(host),
    previous: `/nix/store/${'1'.repeat(32)}-nixos-system-${host}-25.05`,
    job: null,
    exit: null,
    health: null,
    holdsSlot: false,
    ...run,
  }
}

type StageStatus = RolloutStatus['stages'][number]

export function stageOf(name: string, is: StageStatus['is'], stage: Partial<StageStatus> = {}): StageStatus {
  return {
    name,
    is,
    reason: '',
    leftMs: null,
    maxParallel: 1,
    promote: 'auto',
    hosts: 1,
    ended: is === 'done' ? (stage.hosts ?? 1) : 0,
    hooks: [],
    ...stage,
  }
}

export function rolloutOf(is: RolloutStatus['is'], rollout: Partial<RolloutStatus> = {}): RolloutStatus {
  return {
    id: 'r17',
    is,
    reason: '',
    sinceMs: 190_000,
    next: [],
    policy: 'default',
    plan: planHash,
    createdMs: nowMs,
    operator: 'anna',
    message: '',
    meta: {},
    mode: 'closure',
    revision,
    irreversible: false,
    settled: false,
    exit: 0,
    stages: [stageOf('web', 'active')],
    budgets: [],
    hosts: [runOf('web1', 'pending')],
    ...rollout,
  }
}

export function eventOf(seq: number, type: string, event: Partial<RolloutEvent> = {}): RolloutEvent {
  return {
    seq,
    atMs: nowMs + seq * 1_000,
    rollout: 'r17',
    host: null,
    type,
    from: null,
    to: null,
    reason: '',
    ...event,
  }
}

export function lineOf(seq: number, host: string, text: string, line: Partial<RolloutLogLine> = {}): RolloutLogLine {
  return { seq, atMs: nowMs + seq * 1_000, host, stream: 'switch', text, ...line }
}
