import * as v from 'valibot'
import { limits } from './limits.ts'
import { bootId, counter, message, unitName } from './names.ts'
import { storePath } from './rollout/policy.ts'
import { jobActions, jobCommand } from './v2/job.ts'

// What the agent and its root helper say to each other: an order in the agent's state directory, results in the helper's.

const { source, mode, adopt, activateLimitMs, rebootLimitMs, confirmMs, settleMs, probes, self, rollout, want, job } =
  jobCommand.entries

/** What a job is to become, as the agent keeps it. */
export const jobOrder = v.object({
  job,
  rollout,
  want,
  source,
  mode,
  adopt,
  activateLimitMs,
  rebootLimitMs,
  confirmMs,
  settleMs,
  probes,
  self,
})
export type JobOrder = v.InferOutput<typeof jobOrder>

const units = v.pipe(v.array(unitName), v.maxLength(limits.dependentsMax))

/** What ran, and what did not, before anything was drained. */
export const jobBaseline = v.object({
  bootId,
  failed: v.array(unitName),
  /** Waited to be started again just then. */
  restarting: v.array(unitName),
  /** Active in a target of guardian. */
  active: v.array(unitName),
})
export type JobBaseline = v.InferOutput<typeof jobBaseline>

/** `jobs/<job>.json` in the agent's state directory; to the helper it is what a stranger says. */
export const jobRecord = v.object({ version: v.literal(1), order: jobOrder, baseline: v.nullable(jobBaseline) })
export type JobRecord = Omit<v.InferOutput<typeof jobRecord>, 'version'>

const reasons = v.pipe(v.array(message), v.maxLength(16))

export const prefetchResult = v.object({
  /** Whether a system that nobody knows was to be replaced all the same. */
  adopt: v.boolean(),
  system: v.nullable(storePath),
  previous: v.nullable(storePath),
  action: v.nullable(v.picklist(jobActions)),
  rebootReasons: reasons,
  bootOnce: v.boolean(),
  touches: units,
  blockers: reasons,
})
/** Written before anything is changed. */
export const activationResult = v.object({ bootId, kind: v.picklist(['live', 'reboot']) })
export const exitResult = v.object({
  bootId,
  /** Monotonic clock of that boot. */
  atMs: counter,
  /** Of `switch-to-configuration`; -1 where it did not end by itself. */
  exit: v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(255)),
  /** Ended by a signal or with its host, so that units may be left stopped. */
  cut: v.boolean(),
  ok: v.boolean(),
  reason: message,
})
export const commitResult = v.object({ ok: v.boolean(), reason: message })
/** `atMs` is the monotonic clock of that boot. */
export const revertResult = v.object({ bootId, atMs: counter, ok: v.boolean(), reason: message })
/** When the host goes back by itself. */
export const deadManResult = v.object({ bootId, dueMs: counter })
/** What is to be shown of a job before it is begun. */
export const planResult = v.object({
  atMs: counter,
  lines: v.pipe(v.array(v.pipe(v.string(), v.maxLength(2_000))), v.maxLength(2_000)),
})

/** The helper's results, each of them a file `<job>/<name>.json` that appears whole. */
export const resultFiles = {
  prefetch: prefetchResult,
  activation: activationResult,
  exit: exitResult,
  commit: commitResult,
  revert: revertResult,
} as const
export type JobResults = {
  readonly [Name in keyof typeof resultFiles]: v.InferOutput<(typeof resultFiles)[Name]> | null
}
