import * as v from 'valibot'
import { authority } from '../authority.ts'
import { type Hold, holdIds, holds } from '../hold.ts'
import { limits } from '../limits.ts'
import { commandId, message, spanMs, targetName, unitName } from '../names.ts'
import { targetReport } from './report.ts'

/**
 * client → agent: take these holds, drop those, and stop. Idempotent: holds that the marker already has change
 * nothing, and the answer is the present state. Answered when drained or at `limitMs`.
 */
export const drainCommand = v.object({
  type: v.literal('command'),
  id: commandId,
  action: v.literal('drain'),
  target: targetName,
  authority,
  holds: v.pipe(holds, v.minLength(1)),
  release: holdIds,
  limitMs: spanMs,
})
export type DrainCommand = v.InferOutput<typeof drainCommand>

/**
 * client → agent: drop these holds; open where none is left. Idempotent: a hold that the marker does not have is
 * ignored. `allow` says that the sender's probes are good and that it is this host's turn. Answered when open, at
 * once where other holds stay or `allow` is false, or at `limitMs`.
 */
export const undrainCommand = v.object({
  type: v.literal('command'),
  id: commandId,
  action: v.literal('undrain'),
  target: targetName,
  authority,
  release: holdIds,
  allow: v.boolean(),
  limitMs: spanMs,
})
export type UndrainCommand = v.InferOutput<typeof undrainCommand>

const units = v.pipe(v.array(unitName), v.maxLength(limits.dependentsMax))

/** agent → client: the units that a command still waits for. Sent on change; only the latest counts. */
export const progress = v.object({ type: v.literal('progress'), id: commandId, units })
export type Progress = v.InferOutput<typeof progress>

export const outcomes = [
  'ok',
  'held',
  'failed',
  'deadline',
  'not-persisted',
  'superseded',
  'stale',
  'replaced',
] as const

/**
 * agent → client: what became of a command. `failed` and `ok` are final; after `deadline` the agent goes on;
 * `replaced` means that a later order turned the target the other way.
 */
export const response = v.object({
  type: v.literal('response'),
  id: commandId,
  outcome: v.picklist(outcomes),
  message,
  /** Left behind at the deadline, or ended `failed`. */
  units,
  report: v.nullable(targetReport),
})
export type Response = v.InferOutput<typeof response>
export type Outcome = Response['outcome']

/** Whether what was drained is so by these holds: another may have released them while the target stopped. */
export function standsOn({ report }: Response, holds: readonly Pick<Hold, 'id'>[]): boolean {
  return report !== null && holds.every(({ id }) => report.holds.some((held) => held.id === id))
}
