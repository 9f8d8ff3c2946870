import type { RedisSpec, Verdict } from '../probe.ts'
export async function checkRedis(_spec: RedisSpec, _signal: AbortSignal): Promise<Verdict> {
  throw new Error('not yet')
}
