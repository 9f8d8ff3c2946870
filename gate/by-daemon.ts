import { type ApiClient, pathWith } from '../daemon/api-client.ts'
import { gateAnswer, type HostProgress, progressAnswer } from '../protocol/api.ts'
import { GuardianError } from '../protocol/errors.ts'
import { afterAnswer, afterRefusal, type Decision, type GateRecord } from './core.ts'

const answerLimitMs = 2_000
/** A daemon that hangs keeps its connection: silence is asked about. */
const silenceMs = 5_000

/** Tells the daemon of the gate's state. */
export async function tellDaemon(
  client: ApiClient,
  resource: string,
  { record, limitMs }: { readonly record: GateRecord; readonly limitMs: number },
): Promise<Decision> {
  try {
    const path = `/v1/gates/${encodeURIComponent(resource)}`
    return afterAnswer(await client.post(path, { ...record, limitMs }, gateAnswer, { limitMs: answerLimitMs }))
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
    return afterRefusal(cause)
  }
}

/** How following the daemon's drain ended. */
export type Followed =
  | { readonly is: 'settled' }
  | { readonly is: 'stopped' }
  | { readonly is: 'dropped'; readonly why: string }

/** Follows the daemon's drain until it is settled, `signal` stops it, or the daemon is lost. */
export async function followDaemon(
  client: ApiClient,
  {
    hold,
    signal,
    silence = silenceMs,
  }: { readonly hold: string; readonly signal: AbortSignal; readonly silence?: number },
  show: (hosts: readonly HostProgress[]) => void,
): Promise<Followed> {
  const path = pathWith('/v1/progress', { want: 'drained', hold })
  for (;;) {
    try {
      for await (const { value } of client.follow(path, progressAnswer, {
        signal,
        silenceMs: silence,
        limitMs: answerLimitMs,
      })) {
        show(value.hosts)
        if (value.superseded) return { is: 'dropped', why: 'the coordinator has been superseded' }
        if (value.settled) return { is: 'settled' }
      }
      return signal.aborted ? { is: 'stopped' } : { is: 'dropped', why: 'the coordinator ended its answer' }
    } catch (cause) {
      if (signal.aborted) return { is: 'stopped' }
      if (!(cause instanceof GuardianError)) throw cause
      const isAlive = cause.fields.why === 'silent' && (await answers(client, path))
      if (!isAlive) return { is: 'dropped', why: cause.message }
    }
  }
}

async function answers(client: ApiClient, path: string): Promise<boolean> {
  try {
    await client.get(path, progressAnswer, { limitMs: answerLimitMs })
    return true
  } catch (cause) {
    if (cause instanceof GuardianError) return false
    throw cause
  }
}
