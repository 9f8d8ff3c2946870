import { monotonicMs } from '../../daemon/clock.ts'
import type { ProgressAnswer } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { drainProgress, undrainProgress } from '../core/progress.ts'
import type { FleetState } from '../core/state.ts'
import type { Api, ApiParts } from './api.ts'
import { operations } from './operations.ts'
import { follow } from './progress-stream.ts'
import { openEventStream } from './sse.ts'

type Query =
  | { readonly want: 'drained'; readonly hold: string }
  | { readonly want: 'open'; readonly target?: string | undefined; readonly selector: string }

const unsentMax = 16 * 1024 * 1024

export function addProgressRoute(app: Api, { read, watch, onBug }: ApiParts): void {
  const { progress } = operations
  const schema = { querystring: progress.querystring }
  app.get(progress.url, { config: progress, schema }, ({ query, headers }, reply) => {
    const look = (): ProgressAnswer => progressOf(read(), query)
    // A refusal is still an answer with a status of its own here; in a stream it is the stream's end.
    const first = look()
    if (headers.accept?.includes('text/event-stream') !== true) return first
    const stream = openEventStream(reply, unsentMax)
    follow({ stream, first, look: () => unlessRefused(look), isLast: ({ settled }) => settled, watch, onBug })
    return reply
  })
}

function progressOf(state: FleetState, query: Query): ProgressAnswer {
  return query.want === 'drained'
    ? drainProgress(state, query.hold, monotonicMs())
    : undrainProgress(state, query, monotonicMs())
}

function unlessRefused(look: () => ProgressAnswer): ProgressAnswer | null {
  try {
    return look()
  } catch (cause) {
    if (cause instanceof GuardianError) return null
    throw cause
  }
}
