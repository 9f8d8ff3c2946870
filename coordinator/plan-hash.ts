import { createHash } from 'node:crypto'
import { planText } from './core/rollout/plan-text.ts'
import type { HostRun, Rollout } from './core/rollout/state.ts'
import type { FleetState } from './core/state.ts'

/** What the plan of a rollout comes to now; null where it is still made, or unknown. */
export type HashOf = (state: FleetState, id: string) => string | null

interface Known {
  readonly rollout: Rollout
  readonly runs: ReadonlyMap<string, HostRun>
  readonly hash: string | null
}

/** A started plan is frozen; of one that is not, the hash is worked out anew only where something changed. */
export function createPlanHash(): HashOf {
  let last: Known | null = null
  return ({ rollouts }, id) => {
    const rollout = rollouts.all.get(id)
    const runs = rollouts.runs.get(id)
    if (rollout === undefined || runs === undefined) return null
    if (rollout.plan !== null) return rollout.plan
    if (last?.rollout !== rollout || last.runs !== runs) last = { rollout, runs, hash: hashed(rollout, runs) }
    return last.hash
  }
}

function hashed(rollout: Rollout, runs: ReadonlyMap<string, HostRun>): string | null {
  const text = planText(rollout, runs.values())
  return text === null ? null : createHash('sha256').update(text).digest('hex')
}
