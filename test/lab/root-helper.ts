import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type * as v from 'valibot'
import { readAs } from '../../daemon/durable-file.ts'
import type { JobOrder, JobResults } from '../../protocol/rebuild.ts'
import { resultFiles } from '../../protocol/rebuild.ts'
import type { HelperAction } from '../../protocol/rebuild-units.ts'
import type { Host } from './host.ts'
import { until } from './until.ts'

type Result<Name extends keyof JobResults> = v.InferOutput<(typeof resultFiles)[Name]>

/** A job of a host's root helper, ordered as its agent orders it. */
export interface Helper {
  readonly job: string
  readonly switchUnit: string
  /** Starts an action by its unit, and resolves with its exit code once that has ended. */
  act(action: HelperAction): Promise<number>
  read<Name extends keyof JobResults>(name: Name): Promise<Result<Name> | null>
  /** Resolves once there is such a result. */
  result<Name extends keyof JobResults>(name: Name): Promise<Result<Name>>
}

export async function orderOf(host: Host, source: JobOrder['source'], more: Partial<JobOrder> = {}): Promise<Helper> {
  const job = randomBytes(16).toString('hex')
  const order: JobOrder = {
    ...{ job, rollout: 'r1', want: 'prefetched', source, mode: 'auto', adopt: false, probes: [], self: null },
    ...{ activateLimitMs: 60_000, rebootLimitMs: 120_000, confirmMs: 600_000, settleMs: 1_000 },
    ...more,
  }
  const jobs = join(host.root, 'var/lib/io-guardian/jobs')
  await mkdir(jobs, { recursive: true })
  await writeFile(join(jobs, `${job}.json`), JSON.stringify({ version: 1, order, baseline: null }))
  const read = <Name extends keyof JobResults>(name: Name): Promise<Result<Name> | null> => {
    const path = join(host.root, 'var/lib/io-guardian-rebuild', job, `${name}.json`)
    return readAs<Result<Name>>(path, resultFiles[name])
  }
  return {
    job,
    switchUnit: `guardian-switch-${job}.service`,
    act: async (action) =>
      (await host.tried('systemctl', 'start', `io-guardian-rebuild@${action}-${job}.service`)).code,
    read,
    result: (name) => until(`${host.name} has ${name}.json`, async () => (await read(name)) ?? false),
  }
}
