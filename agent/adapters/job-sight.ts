import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type * as v from 'valibot'
import { monotonicMs } from '../../daemon/clock.ts'
import { readAs } from '../../daemon/durable-file.ts'
import { storePathOf } from '../../daemon/store-links.ts'
import { deadManResult, type JobResults, resultFiles } from '../../protocol/rebuild.ts'
import type { JobSight } from '../core/job.ts'
import type { JobUnits } from './job-units.ts'

/** Where a rebuilt host shows what it is. */
export interface SightPlaces {
  /** Of the root helper. */
  readonly resultsDir: string
  readonly profile: string
  readonly runDir: string
  readonly root: string
}

type Seen = Omit<JobSight, 'round' | 'refused' | 'units'>

/** Looks at one job. What runs is looked at before its results are, so that whatever has ended has brought its own. */
export async function lookAt(job: string, bootId: string, places: SightPlaces, units: JobUnits): Promise<Seen> {
  const { running, isArmed } = await units.running(job)
  const directory = join(places.resultsDir, job)
  const [known, results, current, profile, deadMan] = await Promise.all([
    isThere(directory),
    readResults(directory),
    storePathOf(places.root, join(places.runDir, 'current-system')),
    storePathOf(places.root, places.profile),
    readAs(join(directory, 'dead-man.json'), deadManResult),
  ])
  const isDue = isArmed && deadMan?.bootId === bootId
  const deadManMs = isDue ? Math.max(0, deadMan.dueMs - monotonicMs()) : null
  return { known, running, results, current, profile, deadManMs }
}

async function readResults(directory: string): Promise<JobResults> {
  const read = <T>(name: string, schema: v.GenericSchema<unknown, T>): Promise<T | null> =>
    readAs(join(directory, `${name}.json`), schema)
  const [prefetch, activation, exit, commit, revert] = await Promise.all([
    read('prefetch', resultFiles.prefetch),
    read('activation', resultFiles.activation),
    read('exit', resultFiles.exit),
    read('commit', resultFiles.commit),
    read('revert', resultFiles.revert),
  ])
  return { prefetch, activation, exit, commit, revert }
}

async function isThere(directory: string): Promise<boolean> {
  return await access(directory).then(
    () => true,
    () => false,
  )
}
