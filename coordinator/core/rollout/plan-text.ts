import type { HostRun, Rollout } from './state.ts'

/** What a plan will do, as one text that is the same for the same plan: what its hash is made of. null while it is made. */
export function planText(_rollout: Rollout, _runs: Iterable<HostRun>): string | null {
  return null
}
