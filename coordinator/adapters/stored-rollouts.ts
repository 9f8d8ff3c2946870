import * as v from 'valibot'
import { counter, hostName, message, wallMs } from '../../protocol/names.ts'
import { planHash, type RunStateName, runStates } from '../../protocol/rollout/api.ts'
import { revision, rolloutPolicy, storePath } from '../../protocol/rollout/policy.ts'
import { jobActions, jobId, jobSource, rolloutId } from '../../protocol/v2/job.ts'
import { rebased, rebasedRun } from '../core/rollout/begin.ts'
import type { FleetLock, HostRun, Rollout } from '../core/rollout/state.ts'
import type { Boot } from './stored-rows.ts'

// Rollouts and host runs are kept whole, as JSON beside the boot whose clock they were written by.

const ms = v.pipe(v.number(), v.finite())

const rolloutNow = v.variant('is', [
  v.object({ is: v.picklist(['planning', 'planned', 'running', 'aborting', 'rolling-back']) }),
  v.object({
    is: v.literal('paused'),
    was: v.picklist(['running', 'rolling-back']),
    by: v.picklist(['operator', 'failure', 'hook', 'takeover']),
  }),
  v.object({ is: v.picklist(['discarded', 'succeeded', 'failed', 'aborted', 'rolled-back', 'rollback-failed']) }),
])

const stageNow = v.variant('is', [
  v.object({ is: v.literal('waiting'), on: v.picklist(['gate', 'window', 'hook', 'approval']) }),
  v.object({ is: v.picklist(['active', 'soaking']) }),
])

const rolloutBody = v.object({
  id: rolloutId,
  request: v.string(),
  policyName: hostName,
  policy: rolloutPolicy,
  mode: v.picklist(['closure', 'flake']),
  revision: v.nullable(revision),
  selector: v.string(),
  operator: hostName,
  message,
  meta: v.record(hostName, message),
  createdMs: wallMs,
  endedMs: v.nullable(wallMs),
  stages: v.array(
    v.object({
      name: hostName,
      maxParallel: counter,
      soakMs: counter,
      promote: v.picklist(['auto', 'manual']),
      window: v.nullable(v.string()),
    }),
  ),
  hooks: v.array(
    v.object({
      name: hostName,
      before: counter,
      now: v.picklist(['pending', 'running', 'done', 'failed']),
      reason: v.string(),
    }),
  ),
  plan: v.nullable(planHash),
  options: v.object({
    maxParallel: v.nullable(counter),
    skipStages: v.array(hostName),
    drain: v.boolean(),
    allowReboot: v.boolean(),
  }),
  now: rolloutNow,
  sinceMs: ms,
  reason: v.string(),
  stage: v.object({ at: v.number(), now: stageNow, sinceMs: ms, reason: v.string(), wave: counter }),
  promotedTo: v.number(),
  forgiven: counter,
  irreversible: v.boolean(),
}) satisfies v.GenericSchema<unknown, Rollout>

type Plain = Exclude<RunStateName, 'blocked' | 'deferred' | 'reverting'>
/** The states that carry nothing. */
const isPlain = (is: RunStateName): is is Plain => is !== 'blocked' && is !== 'deferred' && is !== 'reverting'

const runNow = v.variant('is', [
  v.object({ is: v.picklist(runStates.filter(isPlain)) }),
  v.object({ is: v.literal('blocked'), by: v.picklist(['offline', 'unfit', 'job']) }),
  v.object({ is: v.literal('deferred'), until: v.picklist(['window', 'leave']) }),
  v.object({
    is: v.literal('reverting'),
    step: v.picklist(['draining', 'asking', 'switching', 'judging', 'opening']),
  }),
])

const runBody = v.object({
  rollout: rolloutId,
  host: hostName,
  stage: counter,
  attempt: counter,
  job: jobId,
  source: jobSource,
  adopt: v.boolean(),
  now: runNow,
  sinceMs: ms,
  reason: v.string(),
  wave: v.nullable(counter),
  slotMs: v.nullable(ms),
  hold: v.nullable(v.string()),
  holds: counter,
  facts: v.object({
    action: v.nullable(v.picklist(jobActions)),
    bootOnce: v.boolean(),
    rebootReasons: v.array(v.string()),
    blockers: v.array(v.string()),
    touches: v.array(v.string()),
    system: v.nullable(storePath),
    previous: v.nullable(storePath),
    exit: v.nullable(v.number()),
  }),
  activated: v.boolean(),
  bootId: v.nullable(v.string()),
  agents: v.nullable(counter),
  back: v.boolean(),
  again: v.boolean(),
  released: v.boolean(),
  failure: v.nullable(v.object({ step: v.string(), reason: v.string() })),
}) satisfies v.GenericSchema<unknown, HostRun>

const rolloutRow = v.object({ boot_id: v.string(), body: v.pipe(v.string(), v.parseJson(), rolloutBody) })
const runRow = v.object({ boot_id: v.string(), body: v.pipe(v.string(), v.parseJson(), runBody) })
const lockRow = v.object({ id: v.string(), budget: v.string(), since_ms: wallMs })

/** @throws ValiError where the row was not written by this program */
export function readRollout(row: unknown, boot: Boot): Rollout {
  const { boot_id, body } = v.parse(rolloutRow, row)
  return boot_id === boot.id ? body : rebased(body, boot.atMs)
}

export function readRun(row: unknown, boot: Boot): HostRun {
  const { boot_id, body } = v.parse(runRow, row)
  return boot_id === boot.id ? body : rebasedRun(body, boot.atMs)
}

export function readLock(row: unknown): FleetLock {
  const { id, budget, since_ms } = v.parse(lockRow, row)
  return { id, group: budget, sinceMs: since_ms }
}
