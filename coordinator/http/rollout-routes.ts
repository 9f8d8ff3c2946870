import { monotonicMs } from '../../daemon/clock.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { RolloutExplanation, RolloutStatus } from '../../protocol/rollout/api.ts'
import type { FleetAnswer } from '../core/effect.ts'
import { explain } from '../core/rollout/explain.ts'
import { rolloutStatus } from '../core/rollout/status.ts'
import type { Api, ApiParts } from './api.ts'
import { operations } from './operations.ts'
import { listRollouts, policiesOf } from './rollout-lists.ts'

// A store path and a name for each of ten thousand hosts.
const planBytesMax = 8 * 1024 * 1024
const startBytesMax = 4 * 1024 * 1024
const explainedEvents = 20

/** What stands of rollouts, and requests that move them; the core decides on each. */
export function addRolloutRoutes(app: Api, { read, tell, rollouts }: ApiParts): void {
  const { policies, rollouts: list, explanation, planRollout, startRollout, orderRollout } = operations
  const statusOf = (id: string): RolloutStatus => rolloutStatus(read(), id, monotonicMs(), rollouts.hashOf(read(), id))
  const statusBehind = async (answer: Promise<FleetAnswer>): Promise<RolloutStatus> => statusOf(named(await answer))

  app.get(policies.url, { config: policies }, () => policiesOf(read()))
  app.get(list.url, { config: list, schema: { querystring: list.querystring } }, ({ query: { host } }) => {
    const state = read()
    if (host !== undefined && !state.plan.hosts.has(host)) {
      throw new GuardianError('unknown-host', `no host named ${host}; see "guardian ctl hosts"`, { host })
    }
    return listRollouts(state, host ?? null)
  })
  app.get(explanation.url, { config: explanation, schema: { params: explanation.params } }, ({ params: { host } }) => {
    const events = rollouts.history.eventsOfHost(host, explainedEvents)
    const answer: RolloutExplanation = { ...explain(read(), host, monotonicMs()), events: [...events] }
    return answer
  })
  app.post(
    planRollout.url,
    { config: planRollout, schema: { body: planRollout.body }, bodyLimit: planBytesMax },
    async ({ body: request }, reply) =>
      reply.code(planRollout.status).send(await statusBehind(tell({ type: 'plan-asked', request }))),
  )
  app.post(
    startRollout.url,
    {
      config: startRollout,
      schema: { params: startRollout.params, body: startRollout.body },
      bodyLimit: startBytesMax,
    },
    ({ params: { id: rollout }, body: request }) => {
      const hash = rollouts.hashOf(read(), rollout)
      return statusBehind(tell({ type: 'rollout-start-asked', rollout, hash, request }))
    },
  )
  app.post(
    orderRollout.url,
    { config: orderRollout, schema: { params: orderRollout.params, body: orderRollout.body } },
    ({ params: { id: rollout }, body: order }) => statusBehind(tell({ type: 'rollout-ordered', rollout, order })),
  )
}

function named(answer: FleetAnswer): string {
  if (answer !== null && 'rollout' in answer) return answer.rollout
  throw new Error('the core answered without a rollout')
}
