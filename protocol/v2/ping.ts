import * as v from 'valibot'
import { claim } from '../authority.ts'
import { type ErrorCode, errors } from '../errors.ts'
import { counter, message } from '../names.ts'

/** coordinator → agent, on interval. Carries the claim, so that a quiet fleet still learns of a new one. */
export const ping = v.object({ type: v.literal('ping'), nonce: counter, claim: v.nullable(claim) })
export type Ping = v.InferOutput<typeof ping>

/** agent → coordinator: the answer to a ping, at once, also in the middle of a drain. */
export const pong = v.object({ type: v.literal('pong'), nonce: counter })
export type Pong = v.InferOutput<typeof pong>

/** agent → direct client or gate that asks what stands: answered with a `report`. */
export const statusRequest = v.object({ type: v.literal('status') })

/** agent → client, and the link is closed after it. `seen` is the claim that outranks the peer's. */
export const refusal = v.object({
  type: v.literal('error'),
  code: v.picklist(Object.keys(errors).filter((code): code is ErrorCode => code in errors)),
  message,
  seen: v.nullable(claim),
})
export type Refusal = v.InferOutput<typeof refusal>
