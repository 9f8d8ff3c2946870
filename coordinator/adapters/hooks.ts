import type { Log } from '../../daemon/log.ts'
import type { FleetEffect } from '../core/effect.ts'
import { runChild } from './child.ts'

export type HookOrder = Omit<Extract<FleetEffect, { type: 'run-hook' }>, 'type'>

export interface HooksOptions {
  readonly log: Log
  readonly ended: (order: HookOrder, ok: boolean, reason: string) => void
}

/** Runs the hooks of rollouts on this host, each once: whether one runs again a person says. */
export interface Hooks {
  run(order: HookOrder): void
  /** Those that run are killed, and nobody is told: after a restart they count as interrupted. */
  close(): void
}

export function createHooks({ log, ended }: HooksOptions): Hooks {
  const closed = new AbortController()
  const { signal } = closed

  async function run(order: HookOrder): Promise<void> {
    const { rollout, hook, run: argv, deadlineMs: limitMs } = order
    const fields = { event: 'hook', rollout, hook }
    const env = { GUARDIAN_ROLLOUT: rollout, GUARDIAN_HOOK: hook }
    const line = (text: string): void => log.info({ ...fields, text }, 'hook says')
    const { ok, reason } = await runChild({ argv, env, limitMs, line, signal })
    if (!signal.aborted) ended(order, ok, reason)
  }

  return {
    run: (order) => void run(order),
    close: () => closed.abort(),
  }
}
