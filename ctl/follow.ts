import { type ApiClient, pathWith } from '../daemon/api-client.ts'
import { isUnsettled } from '../daemon/outcome.ts'
import { type HostProgress, type ProgressAnswer, progressAnswer } from '../protocol/api.ts'
import { type ErrorCode, GuardianError } from '../protocol/errors.ts'

/** How watching ended: only `settled` is the end of what was watched. */
export type Ending =
  | { readonly is: 'settled' }
  | { readonly is: 'timeout' }
  | { readonly is: 'interrupted' }
  /** The coordinator went away and did not come back. */
  | { readonly is: 'lost'; readonly reason: string }
  /** The coordinator no longer knows the hold. */
  | { readonly is: 'gone'; readonly wasAway: boolean }

export interface Followed<T> {
  readonly ending: Ending
  readonly last: T | null
}

interface Watching<T> {
  readonly timeoutMs: number | null
  /** How long the coordinator may be away. */
  readonly patienceMs: number
  readonly signal: AbortSignal
  readonly told: (value: T) => void | Promise<void>
  /** Called once each time that the coordinator has gone away. */
  readonly away?: (reason: string) => void
}

export interface StreamParts<T> extends Watching<T> {
  readonly stream: (signal: AbortSignal) => AsyncGenerator<T>
  readonly isEnd: (value: T) => boolean
  /** What the coordinator says where it does not know any more what is watched. */
  readonly unknown: ErrorCode
}

export interface FollowParts extends Watching<ProgressAnswer> {
  readonly client: ApiClient
  readonly query: Readonly<Record<string, string | undefined>>
  /** Which of the hosts told of are asked about. */
  readonly keep: (host: HostProgress) => boolean
}

const longestMs = 24 * 3_600_000
/** Longer than this Node does not wait. */
const foreverMs = 2 ** 31 - 1
const redialMs = 200
export const silenceMs = 30_000

/** Watches a drain or undrain to its end, over as many connections as it takes. */
export function followProgress(parts: FollowParts): Promise<Followed<ProgressAnswer>> {
  return followToEnd({
    ...parts,
    timeoutMs: Math.min(parts.timeoutMs ?? longestMs, longestMs),
    stream: (signal) => progressOf(parts, signal),
    isEnd: ({ settled, superseded }) => settled || superseded,
    unknown: 'unknown-hold',
  })
}

/** Watches until the end comes, over as many connections as it takes. */
export async function followToEnd<T>(parts: StreamParts<T>): Promise<Followed<T>> {
  const timeout = AbortSignal.timeout(Math.min(parts.timeoutMs ?? foreverMs, foreverMs))
  const signal = AbortSignal.any([parts.signal, timeout])
  let last: T | null = null
  let awaySince: number | null = null
  let wasAway = false
  const end = (ending: Ending): Followed<T> => ({ ending, last })
  for (;;) {
    let reason = 'it ended the answer'
    try {
      for await (const value of parts.stream(signal)) {
        awaySince = null
        last = value
        await parts.told(value)
        if (parts.isEnd(value)) return end({ is: 'settled' })
      }
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      if (cause.code === parts.unknown) return end({ is: 'gone', wasAway })
      if (cause.code !== 'no-coordinator') throw cause
      reason = cause.message
      wasAway = true
    }
    if (parts.signal.aborted) return end({ is: 'interrupted' })
    if (timeout.aborted) return end({ is: 'timeout' })
    if (awaySince === null) parts.away?.(reason)
    awaySince ??= performance.now()
    if (performance.now() - awaySince >= parts.patienceMs) return end({ is: 'lost', reason })
    await pause(redialMs, signal)
  }
}

async function* progressOf(parts: FollowParts, signal: AbortSignal): AsyncGenerator<ProgressAnswer> {
  const path = pathWith('/v1/progress', parts.query)
  for await (const { value } of parts.client.follow(path, progressAnswer, { signal, silenceMs })) {
    const hosts = value.hosts.filter(parts.keep)
    yield { ...value, hosts, settled: value.settled || hosts.every((host) => !isUnsettled(host)) }
  }
}

/** Waits, but not past the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}

interface Posting {
  readonly patienceMs: number
  readonly signal: AbortSignal
  /** Whether the same request, carried out twice, does no more than once: it names the hold's id. */
  readonly mayRepeat: boolean
  /** The command that shows whether an order was taken. */
  readonly look?: string
}

/**
 * Posts until an answer comes. Where the very first attempt finds nobody there, nothing was ordered, and that is told
 * at once.
 */
export async function postPatiently<T>(
  post: () => Promise<T>,
  { patienceMs, signal, mayRepeat, look = 'guardian ctl holds' }: Posting,
): Promise<T> {
  const startedMs = performance.now()
  for (let mayHaveArrived = false; ; ) {
    try {
      return await post()
    } catch (cause) {
      if (!(cause instanceof GuardianError) || cause.code !== 'no-coordinator') throw cause
      mayHaveArrived ||= cause.fields.sent === 'yes'
      if (!mayHaveArrived)
        throw new GuardianError('no-coordinator', `${cause.message}. Nothing was ordered.`, cause.fields)
      if (!mayRepeat || signal.aborted || performance.now() - startedMs >= patienceMs) {
        throw new GuardianError(
          'no-coordinator',
          `${cause.message}. Whether it took the order is unknown: see ${look}`,
          cause.fields,
        )
      }
      await pause(redialMs, signal)
    }
  }
}
