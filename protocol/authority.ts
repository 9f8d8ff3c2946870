import * as v from 'valibot'
import { counter, hostName, instanceId, resourceName } from './names.ts'

/** A coordinator's claim: the epoch of its start, its random instance and the revision of its store. */
export const claim = v.object({ epoch: counter, instance: instanceId, revision: counter })
export type Claim = v.InferOutput<typeof claim>

/** In whose name a peer speaks. Only a coordinator has a claim; the others touch agent-side holds alone. */
export const authority = v.variant('kind', [
  v.object({ kind: v.literal('coordinator'), claim }),
  v.object({ kind: v.literal('gate'), resource: resourceName }),
  v.object({ kind: v.literal('direct'), operator: hostName }),
])
export type Authority = v.InferOutput<typeof authority>
