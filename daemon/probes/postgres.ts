import type { PostgresSpec, Verdict } from '../probe.ts'
export async function checkPostgres(_spec: PostgresSpec, _signal: AbortSignal): Promise<Verdict> {
  throw new Error('not yet')
}
