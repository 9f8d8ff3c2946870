import { begin } from '../../../../coordinator/core/begin.ts'
import type { RolloutSave } from '../../../../coordinator/core/effect.ts'
import type { HostRun, Rollout } from '../../../../coordinator/core/rollout/state.ts'
import type { Site } from './site.ts'

/** What a store has after these saves. */
export function storeOf(saves: readonly (RolloutSave | undefined)[]) {
  const rollouts = new Map<string, Rollout>()
  const runs = new Map<string, HostRun>()
  let nextRollout = 1
  let nextEvent = 1
  for (const save of saves) {
    for (const rollout of save?.put ?? []) rollouts.set(rollout.id, rollout)
    for (const run of save?.runs ?? []) runs.set(`${run.rollout}/${run.host}`, run)
    for (const { seq } of save?.events ?? []) nextEvent = seq + 1
    nextRollout = save?.nextRollout ?? nextRollout
  }
  return { rollouts: [...rollouts.values()], runs: [...runs.values()], locks: [], nextRollout, nextEvent }
}

/** The coordinator ends, and another begins from its store. */
export function restarted(
  site: Site,
  saves: readonly (RolloutSave | undefined)[] = site.fleet.saves.map(({ rollouts }) => rollouts),
): Site {
  const { state, nowMs } = site.fleet
  site.fleet.state = begin({
    ...{ plan: state.plan, build: '', bootId: state.bootId, claim: { ...state.claim, epoch: state.claim.epoch + 1 } },
    ...{ superseded: null, awaiting: [], holds: [...state.holds.values()], released: state.released },
    ...{ owedUndrain: [], rollouts: storeOf(saves), atMs: nowMs },
  })
  for (const name of site.machines.keys()) site.up(name)
  return site.settle()
}
