import { asMessage } from '../../../protocol/names.ts'
import { type FleetStep, still } from '../change.ts'
import type { FleetState } from '../state.ts'
import { wantedConditions } from './conditions.ts'
import { Draft, type Moment } from './draft.ts'

/** What nobody waits for any more is not kept. */
export function conditionTold(
  state: FleetState,
  { key, ok, reason }: { readonly key: string; readonly ok: boolean; readonly reason: string },
  { atMs }: Moment,
): FleetStep {
  if (!wantedConditions(state).some((one) => one.key === key)) return still(state)
  const told = { ok, reason: asMessage(reason), atMs }
  const conditions = new Map(state.rollouts.conditions).set(key, told)
  return still({ ...state, rollouts: { ...state.rollouts, conditions } })
}

/** A result that the store refuses is lost: after a restart its hook counts as interrupted. */
export function hookEnded(
  state: FleetState,
  {
    id,
    hook: name,
    ok,
    reason,
  }: { readonly id: string; readonly hook: string; readonly ok: boolean; readonly reason: string },
  moment: Moment,
): FleetStep {
  const rollout = state.rollouts.all.get(id)
  const hook = rollout?.hooks.find((one) => one.name === name)
  if (rollout === undefined || hook?.now !== 'running') return still(state)
  const draft = new Draft(state, moment)
  const now = ok ? ('done' as const) : ('failed' as const)
  const ended = { ...hook, now, reason: asMessage(reason) }
  draft.edit({ ...rollout, hooks: rollout.hooks.map((one) => (one === hook ? ended : one)) })
  draft.event(id, `hook.${now}`, reason === '' ? name : `${name}: ${reason}`)
  return draft.finish()
}
