import type { HostRun, Rollout } from './state.ts'

/** What a plan will do, as one text that is the same for the same plan: what its hash is made of. null while it is made. */
export function planText(rollout: Rollout, runs: Iterable<HostRun>): string | null {
  if (rollout.now.is === 'planning') return null
  const { id, policyName, policy, mode, revision, stages } = rollout
  const hosts = [...runs].map(({ host, stage, source, facts }) => {
    const { action, system, bootOnce, touches } = facts
    return { host, stage, source, action, system, bootOnce, touches }
  })
  return canonical({ id, policyName, policy, mode, revision, stages, hosts })
}

/** JSON with its keys in order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return `${JSON.stringify(value)}`
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join()}}`
}
