import * as v from 'valibot'
import { selectorText } from '../hold.ts'
import { counter, hostName, message, spanMs, unitName, wallMs } from '../names.ts'
import { jobActions, jobHealth, jobId, logStreams, rolloutId } from '../v2/job.ts'
import { flakeRef, revision, storePath } from './policy.ts'

// The part of the coordinator's HTTP API that rebuilds a fleet.

const hostNames = v.pipe(v.array(hostName), v.maxLength(10_000))
const requestId = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))
/** SHA-256 of what a plan would do, in hex. */
export const planHash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))

export const rolloutStates = [
  'planning',
  'planned',
  'discarded',
  'running',
  'paused',
  'aborting',
  'rolling-back',
  'succeeded',
  'failed',
  'aborted',
  'rolled-back',
  'rollback-failed',
] as const
export type RolloutStateName = (typeof rolloutStates)[number]

export const runStates = [
  'pending',
  'prefetching',
  'ready',
  'noop',
  'blocked',
  'skipped',
  'deferred',
  'waiting',
  'draining',
  'drained',
  'activating',
  'rebooting',
  'verifying',
  'undraining',
  'serving',
  'committing',
  'soaking',
  'done',
  'failed',
  'lost',
  'interrupted',
  'reverting',
  'reverted',
  'revert-failed',
] as const
export type RunStateName = (typeof runStates)[number]

/** POST /v1/rollouts: makes a plan. Changes nothing on any host but that the new systems are fetched or built there. */
export const planRequest = v.object({
  /** Sent again after a lost answer, it makes no second plan. */
  id: requestId,
  policy: hostName,
  selector: v.optional(selectorText, '*'),
  operator: hostName,
  message: v.optional(message, ''),
  meta: v.optional(v.record(hostName, message), {}),
  source: v.variant('mode', [
    v.object({
      mode: v.literal('closure'),
      systems: v.record(hostName, storePath),
      revision: v.optional(revision),
    }),
    v.object({ mode: v.literal('flake'), flake: flakeRef, revision }),
  ]),
})
export type PlanRequest = v.InferOutput<typeof planRequest>

/** POST /v1/rollouts/:id/start */
export const startRequest = v.object({
  /** The hash that the plan showed: what is started is what was seen. */
  plan: planHash,
  operator: hostName,
  message: v.optional(message, ''),
  maxParallel: v.optional(v.pipe(counter, v.minValue(1))),
  skipStages: v.optional(v.array(hostName), []),
  skipOffline: v.optional(v.boolean(), false),
  drain: v.optional(v.boolean(), true),
  allowReboot: v.optional(v.boolean(), false),
  /** Hosts whose running system nobody knows, and that are rebuilt all the same. */
  adopt: v.optional(hostNames, []),
})
export type StartRequest = v.InferOutput<typeof startRequest>

const said = { operator: hostName, message: v.optional(message, '') }
/** POST /v1/rollouts/:id/order: an operator's word on a rollout that exists. */
export const rolloutOrder = v.variant('verb', [
  v.object({ verb: v.literal('discard'), ...said }),
  /** Ends a soak or a wait for approval; `full` for every stage to come, never health or budgets. */
  v.object({ verb: v.literal('promote'), full: v.optional(v.boolean(), false), ...said }),
  v.object({ verb: v.literal('pause'), ...said }),
  v.object({ verb: v.literal('resume'), ...said }),
  /** No host begins any more; those on their way finish, or go back at once where `now`. */
  v.object({ verb: v.literal('abort'), now: v.optional(v.boolean(), false), ...said }),
  v.object({
    verb: v.literal('rollback'),
    selector: v.optional(selectorText, '*'),
    pastIrreversible: v.optional(v.boolean(), false),
    ...said,
  }),
  /** A host that failed or was blocked, or the named hook, gets another attempt; without either every such host. */
  v.object({ verb: v.literal('retry'), host: v.optional(hostName), hook: v.optional(hostName), ...said }),
  v.object({ verb: v.literal('skip'), host: hostName, ...said }),
  /** Frees the slot of a host that will not come back. */
  v.object({ verb: v.literal('release'), host: hostName, ...said }),
])
export type RolloutOrder = v.InferOutput<typeof rolloutOrder>

export const runStatus = v.object({
  host: hostName,
  stage: counter,
  is: v.picklist(runStates),
  /** Milliseconds in this state. */
  sinceMs: counter,
  /** What it waits for, or why it failed. */
  reason: message,
  attempt: counter,
  action: v.nullable(v.picklist(jobActions)),
  bootOnce: v.boolean(),
  rebootReasons: v.array(message),
  blockers: v.array(message),
  touches: v.array(unitName),
  system: v.nullable(storePath),
  previous: v.nullable(storePath),
  job: v.nullable(jobId),
  exit: v.nullable(v.number()),
  health: v.nullable(jobHealth),
  /** Counts against the budgets. */
  holdsSlot: v.boolean(),
})
export type RunStatus = v.InferOutput<typeof runStatus>

export const stageStatus = v.object({
  name: hostName,
  is: v.picklist(['pending', 'waiting', 'active', 'soaking', 'done']),
  reason: message,
  /** Milliseconds until it goes on by itself; null where that is not known. */
  leftMs: v.nullable(spanMs),
  maxParallel: counter,
  promote: v.picklist(['auto', 'manual']),
  hosts: counter,
  ended: counter,
  /** Hooks that run before it, and whether there is a way back after them. */
  hooks: v.array(
    v.object({ name: hostName, reversible: v.boolean(), is: v.picklist(['pending', 'running', 'done', 'failed']) }),
  ),
})

export const budgetStatus = v.object({ name: hostName, unavailable: hostNames, max: counter })
export type BudgetStatus = v.InferOutput<typeof budgetStatus>

/** GET /v1/rollouts/:id; as an event stream one per change, until it rests. */
export const rolloutStatus = v.object({
  id: rolloutId,
  is: v.picklist(rolloutStates),
  reason: message,
  /** For how long it has been so, milliseconds. */
  sinceMs: counter,
  /** Commands that lead on from here. */
  next: v.array(message),
  policy: hostName,
  plan: v.nullable(planHash),
  createdMs: wallMs,
  operator: hostName,
  message,
  meta: v.record(hostName, message),
  mode: v.picklist(['closure', 'flake']),
  revision: v.nullable(revision),
  /** A hook without a way back has run. */
  irreversible: v.boolean(),
  /** Nothing more happens without an operator. */
  settled: v.boolean(),
  /** What `guardian ctl rollout` exits with once it is settled. */
  exit: counter,
  stages: v.array(stageStatus),
  budgets: v.array(budgetStatus),
  hosts: v.array(runStatus),
})
export type RolloutStatus = v.InferOutput<typeof rolloutStatus>

/** GET /v1/rollouts?host=H: newest first. */
export const rolloutList = v.array(
  v.object({
    id: rolloutId,
    is: v.picklist(rolloutStates),
    reason: message,
    policy: hostName,
    createdMs: wallMs,
    endedMs: v.nullable(wallMs),
    operator: hostName,
    message,
    revision: v.nullable(revision),
    hosts: counter,
    done: counter,
    /** Where one host was asked about: what became of it. */
    run: v.nullable(v.object({ is: v.picklist(runStates), reason: message })),
  }),
)
export type RolloutList = v.InferOutput<typeof rolloutList>

/** GET /v1/rollouts/:id/events?after=SEQ; as an event stream those to come too. `type` is such as `host.draining` or `slot.taken`. */
export const rolloutEvent = v.object({
  seq: counter,
  atMs: wallMs,
  rollout: rolloutId,
  host: v.nullable(hostName),
  type: v.pipe(v.string(), v.regex(/^[a-z]+\.[a-z-]+$/)),
  from: v.nullable(v.string()),
  to: v.nullable(v.string()),
  reason: message,
})
export type RolloutEvent = v.InferOutput<typeof rolloutEvent>

/** GET /v1/rollouts/:id/logs?host=H&stream=switch&after=SEQ&last=N, oldest first; as an event stream those to come too. */
export const rolloutLogLine = v.object({
  seq: counter,
  atMs: wallMs,
  host: hostName,
  stream: v.picklist(logStreams),
  text: v.string(),
})
export type RolloutLogLine = v.InferOutput<typeof rolloutLogLine>

/** GET /v1/hosts/:host/rollout: why a host has not been rebuilt yet, or is not in service. */
export const rolloutExplanation = v.object({
  host: hostName,
  rollout: v.nullable(rolloutId),
  is: v.nullable(v.picklist(runStates)),
  /** Each names what holds it up and the command that frees it. */
  because: v.array(v.object({ what: message, free: message })),
  events: v.array(rolloutEvent),
})
export type RolloutExplanation = v.InferOutput<typeof rolloutExplanation>

/** GET /v1/policies */
export const policyList = v.array(
  v.object({
    name: hostName,
    mode: v.picklist(['closure', 'flake']),
    flake: v.nullable(flakeRef),
    stages: v.array(v.object({ name: hostName, hosts: hostNames })),
  }),
)
export type PolicyList = v.InferOutput<typeof policyList>

/** POST /v1/pre-reboot and /v1/steady-state, as FleetLock has them. */
export const fleetLockRequest = v.object({
  client_params: v.object({
    id: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
    group: v.pipe(v.string(), v.regex(/^[a-zA-Z0-9.-]{1,255}$/)),
  }),
})
export const fleetLockRefusal = v.object({ kind: v.string(), value: v.string() })
