import * as v from 'valibot'
import { claim } from './authority.ts'
import { hold, owner, selectorText } from './hold.ts'
import { limits } from './limits.ts'
import {
  bootId,
  commandId,
  counter,
  holdId,
  hostName,
  message,
  resourceName,
  spanMs,
  targetName,
  unitName,
  wallMs,
} from './names.ts'
import { dutyStates } from './v2/report.ts'

// The coordinator's HTTP API: request bodies and answers, decoded by the same objects on both ends.

const hostNames = v.pipe(v.array(hostName), v.maxLength(10_000))

/** POST /v1/drain */
export const drainRequest = v.object({
  /** Absent means every target that the fleet has. */
  target: v.optional(targetName),
  selector: v.optional(selectorText, '*'),
  operator: hostName,
  message: v.optional(message, ''),
  /** Absent means until released. */
  forMs: v.optional(spanMs),
  dryRun: v.optional(v.boolean(), false),
  /** Random 128 bits in hex, the hold's id: sent again after a lost answer, it makes no second hold. */
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
})
export type DrainRequest = v.InferOutput<typeof drainRequest>

export const drainAnswer = v.object({
  hold: holdId,
  persisted: v.boolean(),
  hosts: hostNames,
  waves: v.array(v.object({ target: targetName, hosts: hostNames })),
})
export type DrainAnswer = v.InferOutput<typeof drainAnswer>

/** POST /v1/undrain */
export const undrainRequest = v.object({
  target: v.optional(targetName),
  selector: v.optional(selectorText, '*'),
  /** Releases this hold whole, whoever owns it, instead of the operators' holds inside the selector; takes every host out of a gate's. */
  hold: v.optional(holdId),
  /** In an emergency: takes the selected hosts out of every hold, a gate's and an orphan too. */
  force: v.optional(v.boolean(), false),
  dryRun: v.optional(v.boolean(), false),
})
export type UndrainRequest = v.InferOutput<typeof undrainRequest>

const heldHost = v.object({ host: hostName, target: targetName, holds: v.array(hold) })
export const undrainAnswer = v.object({
  released: v.array(holdId),
  narrowed: v.array(v.object({ hold: holdId, except: hostNames })),
  hosts: hostNames,
  stillHeld: v.array(heldHost),
})
export type UndrainAnswer = v.InferOutput<typeof undrainAnswer>

export const progressStates = [
  'done',
  'moving',
  'waiting',
  'unreachable',
  'refused',
  'failed',
  'acknowledged',
  'not-persisted',
  'held',
  'deadline',
] as const
export type ProgressState = (typeof progressStates)[number]

/** How far one host is on its way to what was asked. Only `moving` and `waiting` are not yet an end. */
export const hostProgress = v.object({
  host: hostName,
  target: targetName,
  is: v.picklist(progressStates),
  /** For a person: what it waits for, or why it failed. */
  reason: message,
  units: v.pipe(v.array(unitName), v.maxLength(limits.dependentsMax)),
})
export type HostProgress = v.InferOutput<typeof hostProgress>

/** GET /v1/progress?want=drained&hold=ID or ?want=open&target=T&selector=S; as an event stream, one per change. */
export const progressAnswer = v.object({
  want: v.picklist(['drained', 'open']),
  settled: v.boolean(),
  superseded: v.boolean(),
  hosts: v.array(hostProgress),
})
export type ProgressAnswer = v.InferOutput<typeof progressAnswer>

export const holdStatus = v.object({
  ...hold.entries,
  targets: v.array(targetName),
  hosts: hostNames,
  persisted: v.boolean(),
  orphan: v.boolean(),
})
export type HoldStatus = v.InferOutput<typeof holdStatus>

export const hostStatus = v.object({
  name: hostName,
  address: v.string(),
  tags: v.array(v.string()),
  protocol: v.picklist(['v1', 'v2']),
  connected: v.boolean(),
  /** Milliseconds since the link went up or down. */
  sinceMs: counter,
  reason: message,
  roundTripMs: v.nullable(v.number()),
  build: v.nullable(message),
  bootId: v.nullable(bootId),
  targets: v.array(
    v.object({
      target: targetName,
      want: v.picklist(['drained', 'open']),
      /** null where no report has come yet; a v1 host only ever acknowledges, what is wanted now or nothing. */
      is: v.nullable(v.picklist([...dutyStates, 'acknowledged'])),
      holds: v.array(hold),
      dependents: v.array(v.object({ unit: unitName, active: v.string(), guarded: v.boolean(), processes: counter })),
      waitingFor: message,
      failed: v.array(unitName),
      breaches: counter,
      durable: v.boolean(),
    }),
  ),
})
export type HostStatus = v.InferOutput<typeof hostStatus>

export const resourceStatus = v.object({
  name: resourceName,
  ready: v.boolean(),
  reason: message,
  sinceMs: counter,
  gate: v.picklist(['up', 'down', 'none']),
})
export type ResourceStatus = v.InferOutput<typeof resourceStatus>

/** GET /v1/status */
export const fleetStatus = v.object({
  claim,
  build: message,
  nowMs: wallMs,
  superseded: v.nullable(v.object({ host: hostName, seen: claim })),
  /** After a takeover: hosts that have neither reported nor been excused; until then nothing is opened. */
  awaiting: hostNames,
  hosts: v.array(hostStatus),
  holds: v.array(holdStatus),
  resources: v.array(resourceStatus),
})
export type FleetStatus = v.InferOutput<typeof fleetStatus>

/** POST /v1/takeover */
export const takeoverRequest = v.object({
  /** Holds of the store that no marker carries and that are to be dropped; all others are kept. */
  drop: v.optional(v.array(holdId), []),
  excuse: v.optional(hostNames, []),
  dryRun: v.optional(v.boolean(), false),
})
export type TakeoverRequest = v.InferOutput<typeof takeoverRequest>
export const takeoverAnswer = v.object({ claim, unmarked: v.array(holdStatus), awaiting: hostNames })
export type TakeoverAnswer = v.InferOutput<typeof takeoverAnswer>

/** POST /v1/gates/:resource, by `guardian gate`. `limitMs` is what the gate may take in all. */
export const gateRequest = v.object({ state: v.picklist(['up', 'down']), seq: counter, bootId, limitMs: spanMs })
export type GateRequest = v.InferOutput<typeof gateRequest>
/** The down gate's hold; null when up, or where no target needs the resource. */
export const gateAnswer = v.object({ hold: v.nullable(holdId) })
export type GateAnswer = v.InferOutput<typeof gateAnswer>

/** GET /v1/ping?selector=S */
export const pingAnswer = v.object({
  hosts: v.array(v.object({ host: hostName, roundTripMs: v.nullable(v.number()), reason: message })),
})
export type PingAnswer = v.InferOutput<typeof pingAnswer>

/** GET /v1/events, one server-sent event each: what happened, for `guardian ctl events`. */
export const fleetEvent = v.object({
  id: commandId,
  atMs: wallMs,
  what: v.string(),
  host: v.optional(hostName),
  target: v.optional(targetName),
  resource: v.optional(resourceName),
  hold: v.optional(holdId),
  owner: v.optional(owner),
  text: v.string(),
})
export type FleetEvent = v.InferOutput<typeof fleetEvent>

/** Any answer that is not 2xx. */
export const apiError = v.object({ code: v.string(), message: v.string() })
