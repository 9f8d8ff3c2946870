import * as v from 'valibot'
import { hostName } from '../../protocol/names.ts'
import * as api from '../../protocol/rollout/api.ts'
import { logStreams, rolloutId } from '../../protocol/v2/job.ts'
import type { Operation } from './operation.ts'

const params = v.object({ id: rolloutId })
const number = v.pipe(
  v.string(),
  v.regex(/^[0-9]{1,15}$/, 'must be a number'),
  v.transform((text) => Number(text)),
)
/** The number of the last one that is known. */
const after = v.optional(number, '0')

export const rolloutOperations = {
  policies: {
    method: 'GET',
    url: '/v1/policies',
    may: 'read',
    summary: 'Every policy of rollouts, and what each of its stages would take of the present fleet.',
    answer: api.policyList,
    status: 200,
  },
  rollouts: {
    method: 'GET',
    url: '/v1/rollouts',
    may: 'read',
    summary: 'Every rollout that is kept, or those of one host, newest first.',
    querystring: v.object({ host: v.optional(hostName) }),
    answer: api.rolloutList,
    status: 200,
  },
  rollout: {
    method: 'GET',
    url: '/v1/rollouts/:id',
    may: 'read',
    summary: 'One rollout; as an event stream one status per change, until it has ended.',
    params,
    answer: api.rolloutStatus,
    status: 200,
    isStream: 'if asked',
  },
  rolloutEvents: {
    method: 'GET',
    url: '/v1/rollouts/:id/events',
    may: 'read',
    summary: 'What happened in a rollout, oldest first; as an event stream what is to come too.',
    params,
    querystring: v.object({ after }),
    answer: v.array(api.rolloutEvent),
    status: 200,
    isStream: 'if asked',
  },
  rolloutLogs: {
    method: 'GET',
    url: '/v1/rollouts/:id/logs',
    may: 'read',
    summary: 'What its jobs wrote on their hosts, oldest first; as an event stream what is to come too.',
    params,
    querystring: v.object({
      host: v.optional(hostName),
      stream: v.optional(v.picklist(logStreams)),
      after,
      /** Only the last so many. */
      last: v.optional(number),
    }),
    answer: v.array(api.rolloutLogLine),
    status: 200,
    isStream: 'if asked',
  },
  explanation: {
    method: 'GET',
    url: '/v1/hosts/:host/rollout',
    may: 'read',
    summary: 'Why a host has not been rebuilt yet, or is not in service, and what frees it.',
    params: v.object({ host: hostName }),
    answer: api.rolloutExplanation,
    status: 200,
  },
  planRollout: {
    method: 'POST',
    url: '/v1/rollouts',
    may: 'operate',
    summary: 'Makes a plan. Nothing changes on any host but that the new systems are fetched or built there.',
    body: api.planRequest,
    answer: api.rolloutStatus,
    status: 202,
  },
  startRollout: {
    method: 'POST',
    url: '/v1/rollouts/:id/start',
    may: 'operate',
    summary: 'Starts a plan whose hash is still the one that was shown.',
    params,
    body: api.startRequest,
    answer: api.rolloutStatus,
    status: 200,
  },
  orderRollout: {
    method: 'POST',
    url: '/v1/rollouts/:id/order',
    may: 'operate',
    summary: "An operator's word on a rollout; answered with its status behind it.",
    params,
    body: api.rolloutOrder,
    answer: api.rolloutStatus,
    status: 200,
  },
  takeLock: {
    method: 'POST',
    url: '/v1/pre-reboot',
    may: 'lock',
    summary: 'FleetLock: a machine of no agent asks whether it may reboot now; its group is the name of a budget.',
    body: api.fleetLockRequest,
    answer: null,
    refusal: api.fleetLockRefusal,
    status: 200,
  },
  returnLock: {
    method: 'POST',
    url: '/v1/steady-state',
    may: 'lock',
    summary: 'FleetLock: the machine is back in service.',
    body: api.fleetLockRequest,
    answer: null,
    refusal: api.fleetLockRefusal,
    status: 200,
  },
} as const satisfies Record<string, Operation>
