import * as v from 'valibot'
import { type ApiClient, pathWith } from '../../daemon/api-client.ts'
import { GuardianError } from '../../protocol/errors.ts'
import {
  type PolicyList,
  policyList,
  type RolloutEvent,
  type RolloutExplanation,
  type RolloutList,
  type RolloutLogLine,
  type RolloutOrder,
  type RolloutStatus,
  rolloutEvent,
  rolloutExplanation,
  rolloutList,
  rolloutLogLine,
  rolloutStatus,
  type StartRequest,
} from '../../protocol/rollout/api.ts'
import type { LogStream } from '../../protocol/v2/job.ts'
import type { Context } from '../context.ts'
import { postPatiently, silenceMs } from '../follow.ts'

export interface LogQuery {
  readonly host?: string | undefined
  readonly stream?: LogStream | undefined
  /** Only lines that came after it. */
  readonly after?: number | undefined
  /** Only so many, the last ones. */
  readonly last?: number | undefined
}

/** What `guardian ctl rollout` asks the coordinator. */
export interface RolloutClient {
  readonly api: ApiClient
  list(host?: string): Promise<RolloutList>
  policies(): Promise<PolicyList>
  status(id: string): Promise<RolloutStatus>
  explain(host: string): Promise<RolloutExplanation>
  /** Those after the event `after`, oldest first. */
  events(id: string, after: number): Promise<readonly RolloutEvent[]>
  logs(id: string, query: LogQuery): Promise<readonly RolloutLogLine[]>
  start(id: string, request: StartRequest): Promise<RolloutStatus>
  order(id: string, order: RolloutOrder): Promise<RolloutStatus>
  followStatus(id: string, signal: AbortSignal): AsyncGenerator<RolloutStatus>
  followLogs(id: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<RolloutLogLine>
}

/** @throws GuardianError where --direct was asked of what only a coordinator can do */
export async function rolloutClient(context: Context): Promise<RolloutClient> {
  if (context.settings.direct !== null)
    throw new GuardianError('bad-request', 'a rollout is led by a coordinator: leave --direct out')
  const api = await context.client()
  const { signal } = context
  // An order has no id of its own: given twice it may be carried out twice.
  const order = <T>(id: string, post: () => Promise<T>): Promise<T> =>
    postPatiently(post, {
      patienceMs: context.world.patienceMs,
      signal,
      mayRepeat: false,
      look: `guardian ctl rollout status ${id}`,
    })
  return {
    api,
    list: (host) => api.get(pathWith('/v1/rollouts', { host }), rolloutList, { signal }),
    policies: () => api.get('/v1/policies', policyList, { signal }),
    status: (id) => api.get(`/v1/rollouts/${id}`, rolloutStatus, { signal }),
    explain: (host) => api.get(`/v1/hosts/${host}/rollout`, rolloutExplanation, { signal }),
    events: (id, after) =>
      api.get(pathWith(`/v1/rollouts/${id}/events`, { after: String(after) }), v.array(rolloutEvent), { signal }),
    logs: (id, query) => api.get(logPath(id, query), v.array(rolloutLogLine), { signal }),
    start: (id, request) => order(id, () => api.post(`/v1/rollouts/${id}/start`, request, rolloutStatus, { signal })),
    order: (id, said) => order(id, () => api.post(`/v1/rollouts/${id}/order`, said, rolloutStatus, { signal })),
    followStatus: (id, until) =>
      valuesOf(api.follow(`/v1/rollouts/${id}`, rolloutStatus, { signal: until, silenceMs })),
    followLogs: (id, query, until) =>
      valuesOf(api.follow(logPath(id, query), rolloutLogLine, { signal: until, silenceMs })),
  }
}

function logPath(id: string, { host, stream, after, last }: LogQuery): string {
  const text = (count: number | undefined): string | undefined => (count === undefined ? undefined : String(count))
  return pathWith(`/v1/rollouts/${id}/logs`, { host, stream, after: text(after), last: text(last) })
}

async function* valuesOf<T>(followed: AsyncGenerator<{ readonly value: T }>): AsyncGenerator<T> {
  for await (const { value } of followed) yield value
}
