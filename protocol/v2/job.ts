import * as v from 'valibot'
import { claim } from '../authority.ts'
import { limits } from '../limits.ts'
import { bootId, commandId, counter, hostName, message, spanMs, unitName } from '../names.ts'
import { flakeRef, healthProbe, revision, storePath } from '../rollout/policy.ts'

/** Random 128 bits in hex: one attempt of one host in one rollout. */
export const jobId = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))
export const rolloutId = v.pipe(v.string(), v.regex(/^r[1-9][0-9]{0,8}$/))

/**
 * How far a job is to be brought. Each includes those before it; `reverted` and `forgotten` end it.
 * - `prefetched`: the system is on the host, rooted against collection, and checked; nothing runs yet.
 * - `baselined`: what runs and what has failed is written down, before anything is drained.
 * - `active`: the system runs: by `switch-to-configuration test`, or by a reboot into it; the boot default is the old one.
 * - `committed`: the system is also what boots.
 * - `reverted`: the previous system runs, and is what boots.
 * - `forgotten`: the job's roots and records are given up.
 */
export const jobWants = ['prefetched', 'baselined', 'active', 'committed', 'reverted', 'forgotten'] as const
export type JobWant = (typeof jobWants)[number]

export const jobSource = v.variant('mode', [
  v.object({ mode: v.literal('closure'), system: storePath }),
  v.object({ mode: v.literal('flake'), flake: flakeRef, revision }),
])
export type JobSource = v.InferOutput<typeof jobSource>

/** What a job does to its host: nothing, a switch while it runs, or a reboot. */
export const jobActions = ['noop', 'live', 'reboot'] as const
export type JobAction = (typeof jobActions)[number]

/**
 * coordinator → agent: bring this job as far as `want`. Idempotent: what is done already is not done again, and the
 * answer is the present state in the next `report`. A `want` that lies before what was reached changes nothing.
 */
export const jobCommand = v.object({
  type: v.literal('job'),
  id: commandId,
  claim,
  job: jobId,
  rollout: rolloutId,
  want: v.picklist(jobWants),
  source: jobSource,
  /** The coordinator's choice from `active` on; before that what the policy prefers, `auto` lets the host tell. */
  mode: v.picklist(['auto', 'live', 'reboot']),
  /** The system that runs is not one that was committed here, and is to be replaced all the same. */
  adopt: v.boolean(),
  activateLimitMs: spanMs,
  rebootLimitMs: spanMs,
  /** From the end of the activation to `committed`; past it the host goes back by itself. */
  confirmMs: spanMs,
  settleMs: spanMs,
  probes: v.pipe(v.array(v.object({ name: hostName, probe: healthProbe })), v.maxLength(32)),
  /**
   * On the coordinator's own host: commit without its word once its new coordinator answers, and so many agents are
   * linked to it. null elsewhere.
   */
  self: v.nullable(v.object({ agents: counter })),
  /** The last line of each log that has arrived; null asks for all. */
  logAfter: v.object({ plan: v.nullable(message), switch: v.nullable(message) }),
})
export type JobCommand = v.InferOutput<typeof jobCommand>

export const jobStates = [
  'prefetching',
  'prefetched',
  'blocked',
  'baselined',
  'activating',
  'rebooting',
  'active',
  'failed',
  'committing',
  'committed',
  'reverting',
  'reverted',
  'revert-failed',
] as const
export type JobState = (typeof jobStates)[number]

const units = v.pipe(v.array(unitName), v.maxLength(limits.dependentsMax))

/** How a host is against the baseline that was taken before it was drained. */
export const jobHealth = v.object({
  /** The settle time since the activation is over. */
  settled: v.boolean(),
  /** Failed now and not before. */
  failed: units,
  /** Restarted again and again since the activation. */
  looping: units,
  /** Active in a target of guardian before, and not now; meaningful once the host is open. */
  missing: units,
  probes: v.pipe(v.array(v.object({ name: hostName, ok: v.boolean(), reason: message })), v.maxLength(32)),
})
export type JobHealth = v.InferOutput<typeof jobHealth>

/** What an agent knows of a job, all of it read from its host. Part of a `report`. */
export const jobReport = v.object({
  job: jobId,
  rollout: rolloutId,
  is: v.picklist(jobStates),
  /** Why it is blocked or failed, or what it does just now, for a person. */
  reason: message,
  /** Each names what stands in the way and what to do; empty where nothing does. */
  blockers: v.pipe(v.array(message), v.maxLength(16)),
  /** Told by the differences of kernel, initrd and inhibitors; null before `prefetched`. */
  action: v.nullable(v.picklist(jobActions)),
  /** Why a switch is not enough; empty where it is. */
  rebootReasons: v.pipe(v.array(message), v.maxLength(16)),
  /** Whether the loader can boot the new system once and the old one after it. */
  bootOnce: v.boolean(),
  /** Units that the switch says it will stop, restart or start; shown, and asked only for the coordinator's databases. */
  touches: units,
  system: v.nullable(storePath),
  /** What ran when the job began: where a revert goes. */
  previous: v.nullable(storePath),
  current: v.nullable(storePath),
  /** What the loader would start next. */
  profile: v.nullable(storePath),
  bootId,
  /** The boot in which the baseline was taken. */
  baselineBootId: v.nullable(bootId),
  /** Of `switch-to-configuration`; null while it has not ended. */
  exit: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(255))),
  /** Milliseconds until the host goes back by itself; null where no timer is armed. */
  deadManMs: v.nullable(spanMs),
  health: v.nullable(jobHealth),
})
export type JobReport = v.InferOutput<typeof jobReport>

export const logStreams = ['plan', 'switch'] as const
export type LogStream = (typeof logStreams)[number]

/**
 * agent → coordinator: lines of a job in order, those after `logAfter` first. `plan` is what was found before (the
 * difference of the packages, what a dry run says), `switch` what the activation wrote into the journal. A line whose cursor
 * is known already is ignored.
 */
export const jobLog = v.object({
  type: v.literal('log'),
  job: jobId,
  stream: v.picklist(logStreams),
  lines: v.pipe(
    v.array(v.object({ cursor: message, atMs: counter, text: v.pipe(v.string(), v.maxLength(2_000)) })),
    v.minLength(1),
    v.maxLength(20),
  ),
})
export type JobLog = v.InferOutput<typeof jobLog>
