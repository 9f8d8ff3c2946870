import { join } from 'node:path'
import { storePathOf } from '../../daemon/store-links.ts'
import type { RebuildConfig } from '../config.ts'

/** Where the things of the rebuilt machine are: as it names them, and as this process reaches them. */
export interface Places {
  at(path: string): string
  storePathOf(link: string): Promise<string | null>
  readonly current: string
  readonly booted: string
}

export function placesOf({ root, runDir }: Pick<RebuildConfig, 'root' | 'runDir'>): Places {
  return {
    at: (path) => join(root, path),
    storePathOf: (link) => storePathOf(root, link),
    current: `${runDir}/current-system`,
    booted: `${runDir}/booted-system`,
  }
}
