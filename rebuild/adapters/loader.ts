import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Places } from './places.ts'
import type { Run } from './tools.ts'

/** What starts the system: read from its own files, because what it prints says nothing. */
export interface Loader {
  /** The system that it starts by itself; null where its files are of a kind that is not known here. */
  starts(): Promise<string | null>
  canOnce(): Promise<boolean>
  /** Starts this system at the next boot, and what it always starts after that; false where it cannot. */
  once(system: string): Promise<boolean>
}

const initOf = /\binit=(\/nix\/store\/[^/\s]+)\/init\b/

export function openLoader(boot: string, { at }: Places, run: Run): Loader {
  const entries = `${boot}/loader/entries`
  const text = (path: string): Promise<string | null> => readFile(at(path), 'utf8').catch(() => null)
  const systemOf = async (entry: string): Promise<string | null> =>
    initOf.exec((await text(join(entries, entry))) ?? '')?.[1] ?? null
  const canOnce = async (): Promise<boolean> =>
    (await text(`${boot}/loader/loader.conf`)) !== null &&
    (await run('bootctl', ['is-installed', '--quiet'])).code === 0
  return {
    async starts() {
      const chosen = /^default\s+(\S+)\s*$/m.exec((await text(`${boot}/loader/loader.conf`)) ?? '')?.[1]
      if (chosen !== undefined) return await systemOf(chosen)
      // NixOS puts what is to be started first.
      return initOf.exec((await text(`${boot}/grub/grub.cfg`)) ?? '')?.[1] ?? null
    },
    canOnce,
    async once(system) {
      if (!(await canOnce())) return false
      for (const entry of (await readdir(at(entries)).catch(() => [])).toSorted(newestFirst)) {
        if ((await systemOf(entry)) === system) return (await run('bootctl', ['set-oneshot', entry])).code === 0
      }
      return false
    },
  }
}

function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true })
}
