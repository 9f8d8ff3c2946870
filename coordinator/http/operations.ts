import * as v from 'valibot'
import * as api from '../../protocol/api.ts'
import { selectorText } from '../../protocol/hold.ts'
import { holdId, hostName, resourceName, targetName } from '../../protocol/names.ts'
import type { May } from './api.ts'

/** One thing that the API can be asked, as the routes serve it and the OpenAPI document shows it. */
export interface Operation {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly may: May
  readonly summary: string
  readonly params?: v.GenericSchema
  readonly querystring?: v.GenericSchema
  readonly body?: v.GenericSchema
  /** null where the answer is text. */
  readonly answer: v.GenericSchema | null
  readonly status: 200 | 202
  readonly isStream?: true | 'if asked'
}

const selector = v.optional(selectorText, '*')

export const operations = {
  status: {
    method: 'GET',
    url: '/v1/status',
    may: 'read',
    summary: 'The whole fleet: hosts, holds, resources, and whether this coordinator is superseded.',
    answer: api.fleetStatus,
    status: 200,
  },
  hosts: {
    method: 'GET',
    url: '/v1/hosts',
    may: 'read',
    summary: 'Every host, its link and its targets.',
    answer: v.array(api.hostStatus),
    status: 200,
  },
  host: {
    method: 'GET',
    url: '/v1/hosts/:host',
    may: 'read',
    summary: 'One host.',
    params: v.object({ host: hostName }),
    answer: api.hostStatus,
    status: 200,
  },
  holds: {
    method: 'GET',
    url: '/v1/holds',
    may: 'read',
    summary: 'Every hold, and the hosts that it keeps drained.',
    answer: v.array(api.holdStatus),
    status: 200,
  },
  drain: {
    method: 'POST',
    url: '/v1/drain',
    may: 'operate',
    summary: 'Takes a hold. Answered once it is durable; /v1/progress tells how far the hosts are.',
    body: api.drainRequest,
    answer: api.drainAnswer,
    status: 202,
  },
  undrain: {
    method: 'POST',
    url: '/v1/undrain',
    may: 'operate',
    summary: "Releases or narrows operators' holds, or releases one hold by its id.",
    body: api.undrainRequest,
    answer: api.undrainAnswer,
    status: 200,
  },
  progress: {
    method: 'GET',
    url: '/v1/progress',
    may: 'read',
    summary: 'How far every host is on its way; as an event stream, until all have come to an end.',
    querystring: v.variant('want', [
      v.object({ want: v.literal('drained'), hold: holdId }),
      v.object({ want: v.literal('open'), target: v.optional(targetName), selector }),
    ]),
    answer: api.progressAnswer,
    status: 200,
    isStream: 'if asked',
  },
  takeover: {
    method: 'POST',
    url: '/v1/takeover',
    may: 'operate',
    summary: 'Lets a superseded coordinator go on, one epoch above the highest that any host has seen.',
    body: api.takeoverRequest,
    answer: api.takeoverAnswer,
    status: 200,
  },
  gate: {
    method: 'POST',
    url: '/v1/gates/:resource',
    may: 'operate',
    summary: "Told by a resource's gate when it goes up or down.",
    params: v.object({ resource: resourceName }),
    body: api.gateRequest,
    answer: api.gateAnswer,
    status: 200,
  },
  ping: {
    method: 'GET',
    url: '/v1/ping',
    may: 'read',
    summary: 'One round trip to every selected host, measured now.',
    querystring: v.object({ selector }),
    answer: api.pingAnswer,
    status: 200,
  },
  events: {
    method: 'GET',
    url: '/v1/events',
    may: 'read',
    summary: 'What happens, as an event stream; Last-Event-ID continues where a lost stream ended.',
    answer: api.fleetEvent,
    status: 200,
    isStream: true,
  },
  openapi: {
    method: 'GET',
    url: '/v1/openapi.json',
    may: 'anyone',
    summary: 'This document.',
    answer: v.looseObject({ openapi: v.string() }),
    status: 200,
  },
  discovery: {
    method: 'GET',
    url: '/sd',
    may: 'anyone',
    summary: "Prometheus HTTP service discovery of the agents' metrics.",
    answer: v.array(v.object({ targets: v.array(v.string()), labels: v.record(v.string(), v.string()) })),
    status: 200,
  },
  metrics: {
    method: 'GET',
    url: '/metrics',
    may: 'anyone',
    summary: 'Metrics of the coordinator in the Prometheus text format.',
    answer: null,
    status: 200,
  },
  health: {
    method: 'GET',
    url: '/healthz',
    may: 'anyone',
    summary: 'Answers while the daemon runs.',
    answer: null,
    status: 200,
  },
  ready: {
    method: 'GET',
    url: '/readyz',
    may: 'anyone',
    summary: '200 while this coordinator may order, 503 while it is superseded.',
    answer: null,
    status: 200,
  },
} as const satisfies Record<string, Operation>
