import type { ApiClient } from '../../daemon/api-client.ts'
import { policyList, rolloutList } from '../../protocol/rollout/api.ts'

/** Ids of rollouts, newest first, or names of policies. */
export async function rolloutNames(
  client: ApiClient,
  kind: 'rollout' | 'policy',
  limitMs: number,
): Promise<readonly string[]> {
  if (kind === 'policy') return (await client.get('/v1/policies', policyList, { limitMs })).map(({ name }) => name)
  return (await client.get('/v1/rollouts', rolloutList, { limitMs })).map(({ id }) => id)
}
