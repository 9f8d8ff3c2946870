import type { EventStream } from './sse.ts'

export interface FollowParts<T> {
  readonly stream: EventStream
  readonly first: T
  /** null once there is nothing to look at any more. */
  readonly look: () => T | null
  /** With it the stream ends. */
  readonly isLast: (now: T) => boolean
  /** Equal for two between which nothing changed that is worth sending; absent: the whole. */
  readonly textOf?: (now: T) => string
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
export function follow<T>(parts: FollowParts<T>): void {
  const { stream, first, look, isLast, textOf = JSON.stringify, watch, onBug } = parts
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

  function offer(now: T): void {
    const waitMs = sentMs + pauseMs - performance.now()
    if (isLast(now) || (waitMs <= 0 && !stream.isBehind)) send(now)
    // A reader that lags behind says itself when it has caught up.
    else if (!stream.isBehind) later(waitMs)
  }

  function send(now: T): void {
    const text = textOf(now)
    if (text !== sent) {
      if (sent !== '') sentMs = performance.now()
      sent = text
      stream.send(JSON.stringify(now))
    }
    if (isLast(now)) stream.end()
  }
}
