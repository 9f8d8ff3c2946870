import * as v from 'valibot'
import { authority, claim } from '../authority.ts'
import { limits } from '../limits.ts'
import { bootId, counter, hostName, message, targetName } from '../names.ts'

export const subprotocol = 'io-guardian.v2'
export const versions = { oldest: 2, newest: 2 } as const

const version = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000))

/** client → agent, once and first. A second one on the same link is refused as `bad-message`. */
export const clientHello = v.object({
  type: v.literal('hello'),
  oldest: version,
  newest: version,
  authority,
  build: message,
})
export type ClientHello = v.InferOutput<typeof clientHello>

const feature = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/))

/** agent → client, the answer: who this is and the highest claim that it has accepted. */
export const agentHello = v.object({
  type: v.literal('hello'),
  version,
  host: hostName,
  bootId,
  build: message,
  seen: v.nullable(claim),
  targets: v.pipe(v.array(targetName), v.maxLength(limits.targetsMax)),
  /** The agent's monotonic clock, so that two reports of one boot can be put in order. */
  clockMs: counter,
  /** What it can do besides; `jobs` where it takes rebuilds. Absent of an agent that knows none. */
  features: v.optional(v.pipe(v.array(feature), v.maxLength(32))),
})
export type AgentHello = v.InferOutput<typeof agentHello>
