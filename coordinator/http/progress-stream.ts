import type { ProgressAnswer } from '../../protocol/api.ts'
import type { EventStream } from './sse.ts'

export interface FollowParts {
  readonly stream: EventStream
  readonly first: ProgressAnswer
  /** null once there is nothing to look at any more. */
  readonly look: () => ProgressAnswer | null
  readonly watch: (listener: () => void) => () => void
  readonly onBug: (cause: unknown) => void
}

const pauseMs = 25
// Looking at thousands of hosts costs time that the drain itself needs.
const shareOfTime = 9

// Some of it changes with time alone: a host that is away becomes unreachable.
const lookEveryMs = 500

/**
 * Sends a snapshot at once and one per change: the first change as it happens, then at most one in 25 ms, and the
 * settled one, with which the stream ends, as it happens again.
 */
export function follow({ stream, first, look, watch, onBug }: FollowParts): void {
  let sent = ''
  let sentMs = Number.NEGATIVE_INFINITY
  let mayLookMs = 0
  let timer: NodeJS.Timeout | undefined

  const unwatch = watch(changed)
  const clock = setInterval(changed, lookEveryMs)
  stream.onEnd(() => {
    unwatch()
    clearInterval(clock)
    clearTimeout(timer)
  })
  stream.onRead(changed)
  offer(first)

  function changed(): void {
    const waitMs = mayLookMs - performance.now()
    if (waitMs <= 0) attempt()
    else later(waitMs)
  }

  function later(ms: number): void {
    timer ??= setTimeout(attempt, ms)
  }

  function attempt(): void {
    clearTimeout(timer)
    timer = undefined
    try {
      const startMs = performance.now()
      const now = look()
      const endMs = performance.now()
      mayLookMs = endMs + shareOfTime * (endMs - startMs)
      if (now === null) stream.end()
      else offer(now)
    } catch (cause) {
      stream.end()
      onBug(cause)
    }
  }

  function offer(now: ProgressAnswer): void {
    const waitMs = sentMs + pauseMs - performance.now()
    if (now.settled || (waitMs <= 0 && !stream.isBehind)) send(now)
    // A reader that lags behind says itself when it has caught up.
    else if (!stream.isBehind) later(waitMs)
  }

  function send(now: ProgressAnswer): void {
    const text = JSON.stringify(now)
    if (text !== sent) {
      if (sent !== '') sentMs = performance.now()
      sent = text
      stream.send(text)
    }
    if (now.settled) stream.end()
  }
}
