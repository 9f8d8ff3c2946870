import { type ApiClient, pathWith } from '../daemon/api-client.ts'
import { isUnsettled } from '../daemon/outcome.ts'
import { type HostProgress, type ProgressAnswer, progressAnswer } from '../protocol/api.ts'
import { GuardianError } from '../protocol/errors.ts'

/** How watching ended: only `settled` is the end of what was watched. */
export type Ending =
  | { readonly is: 'settled' }
  | { readonly is: 'timeout' }
  | { readonly is: 'interrupted' }
  /** The coordinator went away and did not come back. */
  | { readonly is: 'lost'; readonly reason: string }
  /** The coordinator no longer knows the hold. */
  | { readonly is: 'gone'; readonly wasAway: boolean }

export interface Followed {
  readonly ending: Ending
  readonly last: ProgressAnswer | null
}

export interface FollowParts {
  readonly client: ApiClient
  readonly query: Readonly<Record<string, string | undefined>>
  /** Which of the hosts told of are asked about. */
  readonly keep: (host: HostProgress) => boolean
  readonly timeoutMs: number | null
  readonly patienceMs: number
  readonly signal: AbortSignal
  readonly told: (progress: ProgressAnswer) => void
}

const longestMs = 24 * 3_600_000
const redialMs = 200
const silenceMs = 30_000

/** Watches a drain or undrain to its end, over as many connections as it takes. */
export async function followProgress(parts: FollowParts): Promise<Followed> {
  const timeout = AbortSignal.timeout(Math.min(parts.timeoutMs ?? longestMs, longestMs))
  const signal = AbortSignal.any([parts.signal, timeout])
  let last: ProgressAnswer | null = null
  let awaySince: number | null = null
  let wasAway = false
  const end = (ending: Ending): Followed => ({ ending, last })
  for (;;) {
    let reason = 'it ended the answer'
    try {
      for await (const progress of progressOf(parts, signal)) {
        awaySince = null
        last = progress
        parts.told(progress)
        if (progress.settled || progress.superseded) return end({ is: 'settled' })
      }
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      if (cause.code === 'unknown-hold') return end({ is: 'gone', wasAway })
      if (cause.code !== 'no-coordinator') throw cause
      reason = cause.message
      wasAway = true
    }
    if (parts.signal.aborted) return end({ is: 'interrupted' })
    if (timeout.aborted) return end({ is: 'timeout' })
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
}

/**
 * Posts until an answer comes. Where the very first attempt finds nobody there, nothing was ordered, and that is told
 * at once.
 */
export async function postPatiently<T>(post: () => Promise<T>, { patienceMs, signal, mayRepeat }: Posting): Promise<T> {
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
          `${cause.message}. Whether it took the order is unknown: see guardian ctl holds`,
          cause.fields,
        )
      }
      await pause(redialMs, signal)
    }
  }
}
