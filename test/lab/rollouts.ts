import { createApiClient } from '../../daemon/api-client.ts'
import { type RolloutStatus, rolloutStatus } from '../../protocol/rollout/api.ts'
import type { Outcome } from '../hosts/manager.ts'
import type { NixSite } from './nix-site.ts'
import { until } from './until.ts'

/** Rollouts as an operator has them, who is root on the coordinator's host. */
export interface Rollouts {
  ctl(...args: readonly string[]): Promise<Outcome>
  /** Starts a rollout of given systems and does not wait; resolves with its id. */
  start(policy: string, systems: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string>
  status(id: string): Promise<RolloutStatus>
  /** Resolves once it rests, or, where a question is given, once that is answered with yes. */
  reaches(id: string, what: string, is: (status: RolloutStatus) => boolean): Promise<RolloutStatus>
  rests(id: string): Promise<RolloutStatus>
}

export function rolloutsOf({ io }: NixSite): Rollouts {
  const api = () => createApiClient({ kind: 'socket', path: io.live('run/io-guardian-coordinator/api.sock') })
  const ctl = (...args: readonly string[]) => io.tried('guardian', 'ctl', 'rollout', ...args)
  const status = (id: string) => api().get(`/v1/rollouts/${id}`, rolloutStatus)
  const reaches: Rollouts['reaches'] = (id, what, is) =>
    until(`${id}: ${what}`, async () => {
      const found = await status(id).catch(() => null)
      return found !== null && is(found) && found
    })
  return {
    ctl,
    status,
    reaches,
    rests: (id) => reaches(id, 'rests', ({ settled, is }) => settled && is !== 'planned'),
    async start(policy, systems, ...args) {
      const given = Object.entries(systems).flatMap((pair) => ['--systems', pair.join('=')])
      const asked = ['start', '--policy', policy, ...given, '--yes', '--detach', ...args]
      const { code, stdout, stderr } = await ctl(...asked)
      const id = /\br\d+\b/.exec(`${stdout}${stderr}`)?.[0]
      if (code !== 0 || id === undefined) throw new Error(`start ended with ${code}: ${stdout}${stderr}`)
      return id
    },
  }
}
