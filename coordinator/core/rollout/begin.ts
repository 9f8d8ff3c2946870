import type { FleetLock, HookRun, HostRun, Rollout, Rollouts } from './state.ts'
import { noRollouts } from './state.ts'

/** What a store has of rollouts. Its spans are of this boot: whoever reads rows of another has `rebased` them. */
export interface StoredRollouts {
  readonly rollouts: readonly Rollout[]
  readonly runs: readonly HostRun[]
  readonly locks: readonly FleetLock[]
  readonly nextRollout: number
  /** One more than the highest `seq` of the events. */
  readonly nextEvent: number
}

export function beginRollouts(stored: StoredRollouts): Rollouts {
  const all = new Map(stored.rollouts.map((rollout) => [rollout.id, { ...rollout, hooks: rollout.hooks.map(cutOff) }]))
  const runs = new Map(stored.rollouts.map(({ id }) => [id, new Map<string, HostRun>()]))
  for (const run of stored.runs) runs.get(run.rollout)?.set(run.host, run)
  const locks = new Map(stored.locks.map((lock) => [lock.id, lock]))
  const { nextRollout, nextEvent } = stored
  return { ...noRollouts, all, runs, locks, nextRollout, nextEvent }
}

/** How far it came nobody knows: a person looks, and says whether it runs again. */
function cutOff(hook: HookRun): HookRun {
  if (hook.now !== 'running') return hook
  return { ...hook, now: 'failed', reason: 'interrupted: the coordinator ended while it ran' }
}

/** Another boot's clock says nothing about how much time has passed: every span begins again. */
export function rebased(rollout: Rollout, atMs: number): Rollout {
  return { ...rollout, sinceMs: atMs, stage: { ...rollout.stage, sinceMs: atMs } }
}

export function rebasedRun(run: HostRun, atMs: number): HostRun {
  return { ...run, sinceMs: atMs, slotMs: run.slotMs === null ? null : atMs }
}
