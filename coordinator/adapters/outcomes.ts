import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '../../daemon/log.ts'
import { reasonOf } from '../../daemon/reason.ts'
import type { RolloutStatus } from '../../protocol/rollout/api.ts'
import type { RolloutPolicy } from '../../protocol/rollout/policy.ts'
import { runChild } from './child.ts'

export interface OutcomesOptions {
  readonly log: Log
  /** Between the attempts of a webhook. */
  readonly pausesMs?: readonly number[]
}

/** Tells how a rollout ended, as its policy says. */
export interface Outcomes {
  /** Resolves when it has been told, or given up. */
  tell(status: RolloutStatus, to: RolloutPolicy['onOutcome']): Promise<void>
  close(): void
}

const programLimitMs = 60_000
const webhookLimitMs = 10_000

export function createOutcomes({ log, pausesMs = [1_000, 5_000, 30_000, 120_000] }: OutcomesOptions): Outcomes {
  const closed = new AbortController()
  const { signal } = closed

  async function run(argv: readonly string[], { id, is }: RolloutStatus, input: string): Promise<void> {
    const env = { GUARDIAN_ROLLOUT: id, GUARDIAN_OUTCOME: is }
    const { ok, reason } = await runChild({ argv, env, input, limitMs: programLimitMs, signal })
    if (!ok) log.warn({ event: 'outcome-not-told', rollout: id, reason }, 'the program of onOutcome failed')
  }

  async function post(url: string, { id }: RolloutStatus, body: string): Promise<void> {
    for (const pauseMs of [...pausesMs, null]) {
      const reason = await posted(url, body, signal)
      if (reason === null || signal.aborted) return
      // The address may carry a secret.
      log.warn({ event: 'outcome-not-told', rollout: id, reason, again: pauseMs !== null }, 'the webhook failed')
      if (pauseMs !== null) await pause(pauseMs, undefined, { signal }).catch(() => {})
    }
  }

  return {
    async tell(status, { exec, webhook }) {
      const text = JSON.stringify(status)
      await Promise.all([
        exec === undefined ? null : run(exec, status, text),
        webhook === undefined ? null : post(webhook, status, text),
      ])
    },
    close: () => closed.abort(),
  }
}

/** Why it did not arrive; null where it did. */
async function posted(url: string, body: string, stopped: AbortSignal): Promise<string | null> {
  const limit = new AbortController()
  const stop = (): void => limit.abort()
  const timer = setTimeout(stop, webhookLimitMs)
  stopped.addEventListener('abort', stop)
  try {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: limit.signal })
    await response.body?.cancel()
    return response.ok ? null : `status ${response.status}`
  } catch (cause) {
    return reasonOf(cause instanceof TypeError ? cause.cause : cause)
  } finally {
    clearTimeout(timer)
    stopped.removeEventListener('abort', stop)
  }
}
