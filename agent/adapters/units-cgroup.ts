import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../../daemon/reason.ts'

/** The directory of the hierarchy in which systemd tracks processes: unified, hybrid or the old one. */
export function findCgroupRoot(mounts = '/sys/fs/cgroup'): string {
  if (existsSync(join(mounts, 'cgroup.controllers'))) return mounts
  const unified = join(mounts, 'unified')
  return existsSync(join(unified, 'cgroup.procs')) ? unified : join(mounts, 'systemd')
}

/** The processes in a cgroup and in all below it. */
export function processesIn(directory: string): readonly number[] {
  // Asking first is far cheaper than an exception, and most are gone when they are asked for.
  if (!existsSync(directory)) return []
  try {
    const own = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
    const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    return [...own, ...below.flatMap((entry) => processesIn(join(directory, entry.name)))]
  } catch (cause) {
    if (gone.includes(codeOf(cause))) return []
    throw cause
  }
}

// Removed while it was read; or a threaded cgroup, whose processes its parent lists.
const gone: readonly (string | null)[] = ['ENOENT', 'ENODEV', 'EOPNOTSUPP']
