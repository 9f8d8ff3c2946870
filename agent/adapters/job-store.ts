import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { readAs, removeDurably, syncDirectory, writeDurably } from '../../daemon/durable-file.ts'
import type { Log } from '../../daemon/log.ts'
import { reasonOf } from '../../daemon/reason.ts'
import { type JobRecord, jobRecord } from '../../protocol/rebuild.ts'
import { jobId } from '../../protocol/v2/job.ts'
import type { JobSave } from '../core/effect.ts'

/** The orders of rebuilds in the state directory, where the root helper reads them. */
export interface JobStore {
  load(): Promise<ReadonlyMap<string, JobRecord>>
  /** Resolves once it would survive a power cut. */
  save(save: JobSave): Promise<void>
}

export function openJobStore(stateDir: string, log: Log): JobStore {
  const directory = join(stateDir, 'jobs')
  const pathOf = (job: string): string => join(directory, `${job}.json`)
  async function read(job: string): Promise<readonly [string, JobRecord] | null> {
    const found = await readAs(pathOf(job), jobRecord).catch((cause: unknown) => {
      log.error(
        { file: pathOf(job), reason: reasonOf(cause) },
        'order unreadable: its coordinator has to give it again',
      )
      return null
    })
    return found === null ? null : [job, { order: found.order, baseline: found.baseline }]
  }
  return {
    async load() {
      const names = (await readdir(directory).catch(() => [])).map((name) => name.replace(/\.json$/, ''))
      const records = await Promise.all(names.filter((name) => v.is(jobId, name)).map(read))
      return new Map(records.filter((record) => record !== null))
    },
    async save({ job, record }) {
      if (record === null) return await removeDurably(pathOf(job))
      if ((await mkdir(directory, { recursive: true })) !== undefined) await syncDirectory(stateDir)
      await writeDurably(pathOf(job), { version: 1, ...record })
    },
  }
}
