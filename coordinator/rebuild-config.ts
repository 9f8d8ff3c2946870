import * as v from 'valibot'
import { hostName } from '../protocol/names.ts'
import { budget, rolloutPolicy } from '../protocol/rollout/policy.ts'
import type { RebuildPlan } from './core/rollout/state.ts'

/** What stands under `rebuilds` in coordinator.json. */
export const rebuildsEntry = v.strictObject({
  /** The host that this coordinator runs on; rebuilt alone, and last. */
  self: v.optional(hostName),
  /** Where promql gates and probes are asked. */
  prometheus: v.optional(v.pipe(v.string(), v.maxLength(2_000), v.url())),
  budgets: v.optional(v.record(hostName, budget), {}),
  policies: v.optional(v.record(hostName, rolloutPolicy), {}),
})
export type RebuildsEntry = v.InferOutput<typeof rebuildsEntry>

export function rebuildPlanOf(from: RebuildsEntry): RebuildPlan {
  return {
    policies: new Map(Object.entries(from.policies)),
    budgets: new Map(Object.entries(from.budgets)),
    self: from.self ?? null,
  }
}
