import { randomId } from '../../daemon/clock.ts'
import { type PlanRequest, type RolloutStatus, rolloutStatus } from '../../protocol/rollout/api.ts'
import type { Context } from '../context.ts'
import { followToEnd, postPatiently } from '../follow.ts'
import { operatorName } from '../operator.ts'
import type { RolloutClient } from './client.ts'
import { endRollout, type RolloutEnding } from './follow.ts'
import type { PlanOptions } from './plan-options.ts'
import { planLines } from './render/plan.ts'
import { policyNamed, sourceOf } from './source.ts'
import { openSteps } from './steps.ts'
import { openPlanWatch } from './watch.ts'

/** Makes a plan and waits until every host has said what it would do. Nothing is changed on any of them. */
export async function makePlan(context: Context, client: RolloutClient, options: PlanOptions): Promise<RolloutEnding> {
  const request = await requestOf(context, client, options)
  const planned = await postPatiently(
    () => client.api.post('/v1/rollouts', request, rolloutStatus, { signal: context.signal }),
    {
      patienceMs: context.world.patienceMs,
      signal: context.signal,
      mayRepeat: true,
      look: 'guardian ctl rollout history',
    },
  )
  return awaitPlan(context, client, planned)
}

async function requestOf(context: Context, client: RolloutClient, options: PlanOptions): Promise<PlanRequest> {
  const policy = policyNamed(await client.policies(), options.policy)
  using steps = openSteps(context)
  const { selector, source } = await sourceOf({ context, heard: steps.tell }, client, policy, options)
  return {
    id: randomId(),
    policy: policy.name,
    selector,
    operator: operatorName(context.world.env),
    message: options.message,
    meta: options.meta,
    source,
  }
}

async function awaitPlan(context: Context, client: RolloutClient, planned: RolloutStatus): Promise<RolloutEnding> {
  if (planned.is !== 'planning') return { id: planned.id, ending: { is: 'settled' }, last: planned }
  using watch = openPlanWatch(context)
  const { ending, last } = await followToEnd({
    stream: (signal) => client.followStatus(planned.id, signal),
    isEnd: ({ is }) => is !== 'planning',
    unknown: 'unknown-rollout',
    timeoutMs: context.settings.timeoutMs,
    patienceMs: context.world.patienceMs,
    signal: context.signal,
    told: watch.told,
    away: watch.away,
  })
  watch.clear()
  return { id: planned.id, ending, last: last ?? planned }
}

/** Shows a plan, or why there is none. Resolves with the exit code. */
export async function showPlan(context: Context, client: RolloutClient, made: RolloutEnding): Promise<number> {
  const { id, ending, last } = made
  if (ending.is !== 'settled' || last?.is !== 'planned') return endRollout(context, made)
  if (context.settings.json) context.printJson(last)
  else context.print(planLines(context.style, last, await client.logs(id, { stream: 'plan' })))
  return last.exit
}
