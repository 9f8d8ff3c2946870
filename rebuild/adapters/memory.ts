import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { readAs, removeDurably, syncDirectory, writeDurably } from '../../daemon/durable-file.ts'
import { bootId, spanMs } from '../../protocol/names.ts'
import { deadManResult, type JobResults, planResult, resultFiles } from '../../protocol/rebuild.ts'
import { storePath } from '../../protocol/rollout/policy.ts'
import { jobId } from '../../protocol/v2/job.ts'
import { rebuildFile } from '../config.ts'
import type { JobMemory } from '../core/way-back.ts'

const own = {
  ...resultFiles,
  plan: planResult,
  'dead-man': deadManResult,
  /** What was ordered when it began: the agent and its files may be gone with the switch. */
  limits: v.object({ activateLimitMs: spanMs, confirmMs: spanMs }),
  /** What was configured when it began: a switch may change that, or take it away. */
  config: rebuildFile,
  /** There from the first step of a commit on. */
  committing: v.object({}),
  /** There once the host is rebooted in order to go back. */
  leaving: v.object({ bootId }),
} as const
export type ResultName = keyof typeof own
type Result<Name extends ResultName> = v.InferOutput<(typeof own)[Name]>

/** What the helper has done, in files that root alone writes and everybody reads. */
export interface Memory {
  configOf(job: string): string
  jobs(): Promise<readonly string[]>
  results(job: string): Promise<JobResults>
  read<Name extends ResultName>(job: string, name: Name): Promise<Result<Name> | null>
  /** null where nothing was ever to be activated, so that there is nothing to go back from. */
  recall(job: string): Promise<JobMemory | null>
  /** Resolves once it would survive a power cut. */
  write<Name extends ResultName>(job: string, name: Name, result: Result<Name>): Promise<void>
  remove(job: string, name: ResultName): Promise<void>
  committed(): Promise<string | null>
  setCommitted(system: string): Promise<void>
  forget(job: string): Promise<void>
}

export function openMemory(stateDir: string): Memory {
  const pathOf = (job: string, name: string): string => join(stateDir, job, `${name}.json`)
  const read = <Name extends ResultName>(job: string, name: Name): Promise<Result<Name> | null> =>
    readAs<Result<Name>>(pathOf(job, name), own[name])
  const committedPath = join(stateDir, 'committed.json')
  const results = async (job: string): Promise<JobResults> => {
    const [prefetch, activation, exit, commit, revert] = await Promise.all([
      read(job, 'prefetch'),
      read(job, 'activation'),
      read(job, 'exit'),
      read(job, 'commit'),
      read(job, 'revert'),
    ])
    return { prefetch, activation, exit, commit, revert }
  }
  return {
    configOf: (job) => pathOf(job, 'config'),
    jobs: async () => (await readdir(stateDir).catch(() => [])).filter((name) => v.is(jobId, name)),
    results,
    read,
    async recall(job) {
      const found = await results(job)
      const { system = null, previous = null } = found.prefetch ?? {}
      if (system === null || previous === null) return null
      const [committing, leaving] = await Promise.all([read(job, 'committing'), read(job, 'leaving')])
      return { ...found, system, previous, committing: committing !== null, leaving: leaving?.bootId ?? null }
    },
    async write(job, name, result) {
      const path = pathOf(job, name)
      if ((await mkdir(dirname(path), { recursive: true, mode: 0o755 })) !== undefined) await syncDirectory(stateDir)
      await writeDurably(path, result)
    },
    remove: (job, name) => removeDurably(pathOf(job, name)),
    committed: async () => (await readAs(committedPath, v.object({ system: storePath })))?.system ?? null,
    setCommitted: (system) => writeDurably(committedPath, { system }),
    async forget(job) {
      await rm(join(stateDir, job), { recursive: true, force: true })
      await syncDirectory(stateDir)
    },
  }
}
