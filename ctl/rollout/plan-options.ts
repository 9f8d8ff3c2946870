import * as v from 'valibot'
import { selectorText } from '../../protocol/hold.ts'
import { hostName, message } from '../../protocol/names.ts'
import { flakeRef } from '../../protocol/rollout/policy.ts'

const pair = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*=/, 'must be KEY=VALUE'),
  v.transform((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const),
)

/** Options of whatever makes a plan. */
export const planEntries = {
  policy: v.optional(hostName),
  rev: v.optional(v.pipe(message, v.regex(/^[^\s-]\S*$/, 'must be a branch, a tag or a revision'))),
  flake: v.optional(flakeRef),
  systems: v.optional(v.array(v.string()), []),
  on: v.optional(selectorText),
  message: v.optional(message, ''),
  meta: v.optional(
    v.pipe(
      v.array(pair),
      v.transform((pairs): Record<string, string> => Object.fromEntries(pairs)),
    ),
    [],
  ),
  copyTo: v.optional(v.pipe(v.string(), v.regex(/^[^\s-]\S*$/, 'must be the address of a store'))),
  push: v.optional(v.string()),
}
const planOptions = v.object(planEntries)
export type PlanOptions = v.InferOutput<typeof planOptions>
