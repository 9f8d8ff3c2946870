import * as v from 'valibot'
import { limits } from './limits.ts'
import { holdId, hostName, message, printable, spanMs, wallMs } from './names.ts'

/** Who may give a reason to stay drained, the most frequent first. `v1`, `direct` and `self` only an agent writes. */
export const owner = v.union([
  v.pipe(
    v.custom<`operator:${string}`>((input) => isOwned('operator', input)),
    v.maxLength(limits.nameLength),
  ),
  v.pipe(
    v.custom<`gate:${string}`>((input) => isOwned('gate', input)),
    v.maxLength(limits.nameLength),
  ),
  v.pipe(
    v.custom<`rollout:${string}`>((input) => isOwned('rollout', input)),
    v.maxLength(limits.nameLength),
  ),
  v.picklist(['v1', 'direct', 'self']),
])
export type Owner = v.InferOutput<typeof owner>

function isOwned(kind: string, input: unknown): boolean {
  return typeof input === 'string' && input.startsWith(`${kind}:`) && /^[a-z]+:[A-Za-z0-9._@-]+$/.test(input)
}

/** The resource whose gate owns a hold, or null for any other owner. */
export function gateOf(by: Owner): string | null {
  return by.startsWith('gate:') ? by.slice('gate:'.length) : null
}

/** Whether the hold is the agent's own affair: a coordinator neither gave it nor adopts it. */
export function isAgentOwned(by: Owner): boolean {
  return by === 'v1' || by === 'direct' || by === 'self'
}

export const selectorText = v.pipe(v.string(), v.minLength(1), v.maxLength(limits.messageLength), printable)

/** A reason to stay drained, as it stands in an agent's marker and crosses the wire. */
export const hold = v.object({
  id: holdId,
  owner,
  message,
  sinceMs: wallMs,
  /** What was asked for. A coordinator that lost its store shows the selector, and takes no host's word for the rest. */
  selector: v.optional(selectorText, '*'),
  except: v.optional(v.pipe(v.array(hostName), v.maxLength(limits.exceptionsMax)), []),
  /** Milliseconds left when this was sent; absent means until released. */
  remainingMs: v.optional(spanMs),
})
export type Hold = v.InferOutput<typeof hold>

export const holds = v.pipe(v.array(hold), v.maxLength(limits.holdsMax))
export const holdIds = v.pipe(v.array(holdId), v.maxLength(limits.releasesMax))
