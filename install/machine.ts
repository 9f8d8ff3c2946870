import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../daemon/reason.ts'
import { unitDir } from './plan.ts'

/** The files of a machine: this one, or one that is laid out in a directory. */
export interface Machine {
  /** Empty for this machine. */
  readonly prefix: string
  /** A path of the machine as this process reaches it. */
  at(path: string): string
  /** null where there is no such file. */
  read(path: string): Promise<string | null>
  has(path: string): Promise<boolean>
  /** Names in a directory, none where there is no such directory. */
  list(directory: string): Promise<readonly string[]>
  /** The file that systemd would take a unit from; null where there is none. */
  unitFile(unit: string): Promise<string | null>
  /** Whether another unit starts it. */
  isWanted(unit: string): Promise<boolean>
}

const unitDirs = [
  unitDir,
  '/run/systemd/system',
  '/run/systemd/generator',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  '/run/systemd/generator.late',
] as const

export function openMachine(prefix: string): Machine {
  const at = (path: string): string => (prefix === '' ? path : join(prefix, path))
  const has = (path: string): Promise<boolean> => lstat(at(path)).then(() => true, unless(false))
  const list = (directory: string): Promise<readonly string[]> => readdir(at(directory)).catch(unless([]))
  return {
    prefix,
    at,
    read: (path) => readFile(at(path), 'utf8').catch(unless(null)),
    has,
    list,
    async unitFile(unit) {
      for (const name of [unit, unit.replace(/@[^.]*\./, '@.')]) {
        for (const directory of unitDirs) if (await has(`${directory}/${name}`)) return `${directory}/${name}`
      }
      return null
    },
    async isWanted(unit) {
      for (const directory of await list(unitDir)) {
        if (directory.endsWith('.wants') && (await has(`${unitDir}/${directory}/${unit}`))) return true
      }
      return false
    },
  }
}

function unless<T>(value: T) {
  return (cause: unknown): T => {
    const code = codeOf(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return value
    throw cause
  }
}
