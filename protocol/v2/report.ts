import * as v from 'valibot'
import { claim } from '../authority.ts'
import { holds } from '../hold.ts'
import { limits } from '../limits.ts'
import { counter, message, resourceName, targetName, unitName } from '../names.ts'
import { jobReport } from './job.ts'

export const dutyStates = ['undecided', 'draining', 'drained', 'released', 'opening', 'open', 'drifted'] as const
export type DutyState = (typeof dutyStates)[number]

export const activeStates = [
  'active',
  'reloading',
  'inactive',
  'failed',
  'activating',
  'deactivating',
  'maintenance',
  'refreshing',
] as const
export type ActiveState = (typeof activeStates)[number]

export const dependentReport = v.object({
  unit: unitName,
  active: v.picklist(activeStates),
  guarded: v.boolean(),
  /** Processes left in its cgroup. */
  processes: counter,
})

/** One target on one host: what is wanted (holds), what is, and what stands in the way. */
export const targetReport = v.object({
  target: targetName,
  is: v.picklist(dutyStates),
  holds,
  /** False while the marker is only in memory: the disk refused it. */
  durable: v.boolean(),
  /** True once somebody with authority has said that it may open. */
  allowed: v.boolean(),
  dependents: v.pipe(v.array(dependentReport), v.maxLength(limits.dependentsMax)),
  dependentsLeftOut: counter,
  /** What a released target waits for, in words for a person; empty where it waits for nothing. */
  waitingFor: message,
  failed: v.pipe(v.array(unitName), v.maxLength(limits.dependentsMax)),
  breaches: counter,
})
export type TargetReport = v.InferOutput<typeof targetReport>

/** agent → coordinator, on change and on interval. The latest replaces all before it. */
export const report = v.object({
  type: v.literal('report'),
  seen: v.nullable(claim),
  targets: v.pipe(v.array(targetReport), v.maxLength(limits.targetsMax)),
  probes: v.pipe(
    v.array(v.object({ resource: resourceName, ok: v.boolean(), reason: message })),
    v.maxLength(limits.probesMax),
  ),
  /** Absent of an agent that takes no rebuilds. */
  jobs: v.optional(v.pipe(v.array(jobReport), v.maxLength(limits.jobsMax))),
})
export type Report = v.InferOutput<typeof report>
