import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
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
  /** Where a link leads, as it says itself; null where there is none. */
  linkOf(path: string): Promise<string | null>
  /** What this user may not look at, and what was taken for missing therefore. */
  readonly hidden: ReadonlySet<string>
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

/** `web@.service` for `web@room.1.service`; any other name stays. */
export function templateOf(unit: string): string {
  return unit.replace(/@.*(?=\.\w+$)/, '@')
}

export function openMachine(prefix: string): Machine {
  const at = (path: string): string => (prefix === '' ? path : join(prefix, path))
  const hidden = new Set<string>()
  const none =
    <T>(path: string, value: T) =>
    (cause: unknown): T => {
      const code = codeOf(cause)
      if (code === 'EACCES') hidden.add(path)
      else if (code !== 'ENOENT' && code !== 'ENOTDIR') throw cause
      return value
    }
  const has = (path: string): Promise<boolean> => lstat(at(path)).then(() => true, none(path, false))
  const list = (directory: string): Promise<readonly string[]> => readdir(at(directory)).catch(none(directory, []))
  return {
    prefix,
    at,
    hidden,
    read: (path) => readFile(at(path), 'utf8').catch(none(path, null)),
    linkOf: (path) => readlink(at(path)).catch(() => null),
    has,
    list,
    async unitFile(unit) {
      for (const name of [unit, templateOf(unit)]) {
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
