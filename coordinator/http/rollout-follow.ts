import { monotonicMs } from '../../daemon/clock.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { RolloutStatus } from '../../protocol/rollout/api.ts'
import { isEnded } from '../core/rollout/kinds.ts'
import { rolloutStatus } from '../core/rollout/status.ts'
import type { Api, ApiParts } from './api.ts'
import { operations } from './operations.ts'
import { follow } from './progress-stream.ts'
import { followRows, type Rows } from './row-stream.ts'
import { openEventStream } from './sse.ts'

const readersMax = 200
const unsentMax = 16 * 1024 * 1024
const eventsMax = 50_000
const linesMax = 20_000

/** What can be asked once or followed: a rollout's status, its events, its logs. */
export function addRolloutFollowing(app: Api, { read, watch, rollouts, onBug }: ApiParts): void {
  const { rollout, rolloutEvents, rolloutLogs } = operations
  const { history, changes, hashOf } = rollouts
  let readers = 0

  function enter(reply: Parameters<typeof openEventStream>[0]) {
    if (readers >= readersMax) throw new GuardianError('too-many', `${readersMax} rollouts are followed already`)
    readers += 1
    const stream = openEventStream(reply, unsentMax)
    stream.onEnd(() => {
      readers -= 1
    })
    return stream
  }

  const statusOf = (id: string): RolloutStatus => rolloutStatus(read(), id, monotonicMs(), hashOf(read(), id))
  const isOver = (id: string): boolean => {
    const found = read().rollouts.all.get(id)
    return found === undefined || isEnded(found)
  }
  const followed = (
    id: string,
    reply: Parameters<typeof enter>[0],
    rows: Omit<Rows, 'stream' | 'isOver' | 'listen'>,
  ) => {
    const listen = (listener: () => void) => changes.listen(id, listener)
    followRows({ ...rows, stream: enter(reply), isOver: () => isOver(id), listen }, onBug)
    return reply
  }

  app.get(
    rollout.url,
    { config: rollout, schema: { params: rollout.params } },
    ({ params: { id }, headers }, reply) => {
      const first = statusOf(id)
      if (!isFollowed(headers)) return first
      const look = () => (read().rollouts.all.has(id) ? statusOf(id) : null)
      follow({ stream: enter(reply), first, look, isLast: () => isOver(id), textOf: withoutSpans, watch, onBug })
      return reply
    },
  )

  const events = { params: rolloutEvents.params, querystring: rolloutEvents.querystring }
  app.get(rolloutEvents.url, { config: rolloutEvents, schema: events }, ({ params: { id }, query, headers }, reply) => {
    statusOf(id)
    if (!isFollowed(headers)) return history.events(id, query.after, eventsMax)
    return followed(id, reply, {
      first: [],
      after: lastOf(headers) ?? query.after,
      next: (after, limit) => history.events(id, after, limit),
    })
  })

  const logs = { params: rolloutLogs.params, querystring: rolloutLogs.querystring }
  app.get(rolloutLogs.url, { config: rolloutLogs, schema: logs }, ({ params: { id }, query, headers }, reply) => {
    statusOf(id)
    const which = { rollout: id, host: query.host ?? null, stream: query.stream ?? null }
    const { after, last = null } = query
    if (!isFollowed(headers)) return history.lines({ ...which, after, limit: linesMax, last })
    const resumed = lastOf(headers)
    const isFirst = resumed === null && last !== null
    return followed(id, reply, {
      first: isFirst ? history.lines({ ...which, after, limit: linesMax, last }) : [],
      after: resumed ?? after,
      next: (from, limit) => history.lines({ ...which, after: from, limit, last: null }),
    })
  })
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

function isFollowed({ accept }: Headers): boolean {
  return accept?.includes('text/event-stream') === true
}

/** Where a lost stream ended. */
function lastOf(headers: Headers): number | null {
  const last = headers['last-event-id']
  return typeof last === 'string' && /^[0-9]{1,15}$/.test(last) ? Number(last) : null
}

/** What differs from one moment to the next is no change. */
function withoutSpans(status: RolloutStatus): string {
  return JSON.stringify(status, (key, value: unknown) => (key === 'sinceMs' || key === 'leftMs' ? undefined : value))
}
