import type * as v from 'valibot'
import type { policyList, rolloutList } from '../../protocol/rollout/api.ts'
import { parseSelector } from '../../protocol/selector.ts'
import { placedIn } from '../core/rollout/plan.ts'
import type { Rollout } from '../core/rollout/state.ts'
import type { FleetState } from '../core/state.ts'

type RolloutList = v.InferOutput<typeof rolloutList>

/** Newest first; of one host only those that it was in. */
export function listRollouts(state: FleetState, host: string | null): RolloutList {
  const newestFirst = [...state.rollouts.all.values()].reverse()
  const asked =
    host === null ? newestFirst : newestFirst.filter(({ id }) => state.rollouts.runs.get(id)?.has(host) === true)
  return asked.map((rollout) => entryOf(state, rollout, host))
}

function entryOf(state: FleetState, rollout: Rollout, host: string | null): RolloutList[number] {
  const { id, now, reason, policyName: policy, createdMs, endedMs, operator, message, revision } = rollout
  const runs = state.rollouts.runs.get(id)
  const own = host === null ? undefined : runs?.get(host)
  const all = [...(runs?.values() ?? [])]
  const done = all.filter((run) => run.now.is === 'done' || run.now.is === 'noop').length
  const run = own === undefined ? null : { is: own.now.is, reason: own.reason }
  return {
    id,
    is: now.is,
    reason,
    policy,
    createdMs,
    endedMs,
    operator,
    message,
    revision,
    hosts: all.length,
    done,
    run,
  }
}

/** Hosts that no stage takes are left out: a plan for them is refused. */
export function policiesOf(state: FleetState): v.InferOutput<typeof policyList> {
  return [...state.plan.rebuilds.policies].map(([name, policy]) => {
    const { source } = policy
    const matchers = policy.stages.map(({ select }) => parseSelector(select))
    const taken = [...state.plan.hosts.values()].filter((spec) => matchers.some((matches) => matches(spec)))
    const { stages, placed } = placedIn(
      state,
      policy,
      taken.map((spec) => ({ spec })),
    )
    return {
      name,
      mode: source.mode,
      flake: source.flake ?? null,
      stages: stages.map((stage, at) => ({
        name: stage.name,
        hosts: placed.filter((one) => one.stage === at).map(({ spec }) => spec.name),
      })),
    }
  })
}
