import * as v from 'valibot'
import type { RolloutSave } from '../../../coordinator/core/effect.ts'
import type { HostRun, Rollout, RolloutNow, RunNow } from '../../../coordinator/core/rollout/state.ts'
import type { RolloutEvent } from '../../../protocol/rollout/api.ts'
import { type RolloutPolicy, rolloutPolicy } from '../../../protocol/rollout/policy.ts'

export const systemA = `/nix/store/${'a'.repeat(32)}-nixos-system-web1-25.11`
export const systemB = `/nix/store/${'b'.repeat(32)}-nixos-system-web1-25.11`

export function aPolicy(part: Readonly<Record<string, unknown>> = {}): RolloutPolicy {
  return v.parse(rolloutPolicy, { source: { mode: 'closure' }, stages: [{ name: 'all', select: '*' }], ...part })
}

export function aRollout(part: Partial<Rollout> = {}): Rollout {
  const policy = aPolicy()
  return {
    id: 'r1',
    request: 'c'.repeat(32),
    policyName: 'default',
    policy,
    mode: 'closure',
    revision: 'd'.repeat(40),
    selector: '*',
    operator: 'ann',
    message: 'security updates',
    meta: { ticket: 'OPS-17' },
    createdMs: 1_700_000_000_000,
    endedMs: null,
    stages: [{ name: 'all', maxParallel: 1, soakMs: 120_000, promote: 'auto', window: null }],
    hooks: [{ name: 'migrate', before: 0, now: 'pending', reason: '' }],
    plan: 'e'.repeat(64),
    options: { maxParallel: 2, skipStages: ['rest'], drain: true, allowReboot: false },
    now: { is: 'running' },
    sinceMs: 9_000,
    reason: '',
    stage: { at: 0, now: { is: 'active' }, sinceMs: 9_500.5, reason: 'two hosts', wave: 1 },
    promotedTo: 0,
    forgiven: 1,
    irreversible: false,
    ...part,
  }
}

export function aRun(part: Partial<HostRun> = {}): HostRun {
  return {
    rollout: 'r1',
    host: 'web1',
    stage: 0,
    attempt: 1,
    job: 'f'.repeat(32),
    source: { mode: 'closure', system: systemB },
    adopt: false,
    now: { is: 'pending' },
    sinceMs: 9_700,
    reason: '',
    wave: 1,
    slotMs: 9_600,
    hold: 'hold-9',
    holds: 1,
    facts: {
      action: 'live',
      bootOnce: true,
      rebootReasons: [],
      blockers: [],
      touches: ['web.service'],
      system: systemB,
      previous: systemA,
      exit: 4,
    },
    activated: true,
    bootId: 'a'.repeat(32),
    agents: 3,
    back: false,
    again: true,
    released: false,
    failure: { step: 'verify', reason: 'web.service failed' },
    ...part,
  }
}

export function anEvent(seq: number, part: Partial<RolloutEvent> = {}): RolloutEvent {
  const fields = { rollout: 'r1', host: 'web1', type: 'host.draining', from: 'ready', to: 'draining', reason: '' }
  return { seq, atMs: 1_700_000_000_000 + seq, ...fields, ...part }
}

export function aRolloutSave(part: Partial<RolloutSave> = {}): RolloutSave {
  return { put: [], runs: [], drop: [], events: [], locks: { put: [], drop: [] }, nextRollout: 2, ...part }
}

// The compiler holds both complete: a new variant of either union has no place in its record.
const rolloutNows: { readonly [Is in RolloutNow['is']]: readonly RolloutNow[] } = {
  planning: [{ is: 'planning' }],
  planned: [{ is: 'planned' }],
  running: [{ is: 'running' }],
  aborting: [{ is: 'aborting' }],
  'rolling-back': [{ is: 'rolling-back' }],
  paused: [
    { is: 'paused', was: 'running', by: 'operator' },
    { is: 'paused', was: 'rolling-back', by: 'failure' },
    { is: 'paused', was: 'running', by: 'hook' },
    { is: 'paused', was: 'running', by: 'takeover' },
  ],
  discarded: [{ is: 'discarded' }],
  succeeded: [{ is: 'succeeded' }],
  failed: [{ is: 'failed' }],
  aborted: [{ is: 'aborted' }],
  'rolled-back': [{ is: 'rolled-back' }],
  'rollback-failed': [{ is: 'rollback-failed' }],
}

const runNows: { readonly [Is in RunNow['is']]: readonly RunNow[] } = {
  pending: [{ is: 'pending' }],
  prefetching: [{ is: 'prefetching' }],
  ready: [{ is: 'ready' }],
  noop: [{ is: 'noop' }],
  skipped: [{ is: 'skipped' }],
  waiting: [{ is: 'waiting' }],
  draining: [{ is: 'draining' }],
  drained: [{ is: 'drained' }],
  activating: [{ is: 'activating' }],
  rebooting: [{ is: 'rebooting' }],
  verifying: [{ is: 'verifying' }],
  undraining: [{ is: 'undraining' }],
  serving: [{ is: 'serving' }],
  committing: [{ is: 'committing' }],
  soaking: [{ is: 'soaking' }],
  done: [{ is: 'done' }],
  failed: [{ is: 'failed' }],
  lost: [{ is: 'lost' }],
  interrupted: [{ is: 'interrupted' }],
  reverted: [{ is: 'reverted' }],
  'revert-failed': [{ is: 'revert-failed' }],
  blocked: [
    { is: 'blocked', by: 'offline' },
    { is: 'blocked', by: 'unfit' },
    { is: 'blocked', by: 'job' },
  ],
  deferred: [
    { is: 'deferred', until: 'window' },
    { is: 'deferred', until: 'leave' },
  ],
  reverting: [
    { is: 'reverting', step: 'draining' },
    { is: 'reverting', step: 'asking' },
    { is: 'reverting', step: 'switching' },
    { is: 'reverting', step: 'judging' },
    { is: 'reverting', step: 'opening' },
  ],
}

export const everyRolloutNow: readonly RolloutNow[] = Object.values(rolloutNows).flat()
export const everyRunNow: readonly RunNow[] = Object.values(runNows).flat()
