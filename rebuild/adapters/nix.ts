import { mkdir, readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as v from 'valibot'
import { syncDirectory } from '../../daemon/durable-file.ts'
import { codeOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { RebuildConfig } from '../config.ts'
import type { Places } from './places.ts'
import { lastWords, type Run } from './tools.ts'

/** The store of this host and the profile of its system. */
export interface Nix {
  /** Fetches a given path, kept from collection under `name` from before it is there. @throws GuardianError `internal` */
  realise(path: string, job: string, name: 'new' | 'old'): Promise<void>
  /** Builds and keeps what a pinned flake has; resolves with its path, null where that is none of the store. */
  build(installable: string, job: string): Promise<string | null>
  /** Keeps something that is in the store already; nothing for what is not. */
  keep(path: string, job: string, name: string): Promise<void>
  dropRoots(job: string): Promise<void>
  /** A signature of a key that this host trusts. Whatever a user of this host has added or built himself has none. */
  isSigned(path: string): Promise<boolean>
  /** How the packages differ; for people. */
  difference(from: string, to: string): Promise<readonly string[]>
  /** What the profile leads to. */
  profile(): Promise<string | null>
  /** A generation that there is already, or a new one. @throws GuardianError `internal` */
  setProfile(path: string): Promise<void>
}

const command = ['--extra-experimental-features', 'nix-command flakes']
const buildLimitMs = 6 * 3_600_000
const pathInfo = v.union([
  v.record(v.string(), v.nullable(v.object({ ca: v.nullish(v.unknown()) }))),
  v.array(v.object({ ca: v.nullish(v.unknown()) })),
])

export function openNix({ rootsDir, profile }: RebuildConfig, places: Places, run: Run): Nix {
  const rootOf = (job: string, name: string): string => join(rootsDir, job, name)
  const must = async (file: string, args: readonly string[], limitMs?: number): Promise<void> => {
    const ended = await run(file, args, limitMs === undefined ? {} : { limitMs })
    if (ended.code !== 0) throw new GuardianError('internal', `${file}: ${lastWords(ended)}`)
  }
  const keep = (path: string, job: string, name: string): Promise<void> => link(path, places.at(rootOf(job, name)))
  return {
    async realise(path, job, name) {
      await keep(path, job, name)
      await must('nix-store', ['--realise', path], buildLimitMs)
    },
    async build(installable, job) {
      const root = rootOf(job, 'new')
      await mkdir(dirname(places.at(root)), { recursive: true })
      const args = [
        'build',
        '--no-write-lock-file',
        '--no-update-lock-file',
        '--out-link',
        places.at(root),
        installable,
      ]
      await must('nix', [...command, ...args], buildLimitMs)
      return await places.storePathOf(root)
    },
    async keep(path, job, name) {
      const inStore = /^\/nix\/store\/[^/]+/.exec(path)?.[0]
      if (inStore !== undefined) await keep(inStore, job, name)
    },
    dropRoots: (job) => rm(places.at(join(rootsDir, job)), { recursive: true, force: true }),
    async isSigned(path) {
      const told = await run('nix', [...command, 'path-info', '--json', path])
      const info = v.safeParse(v.pipe(v.string(), v.parseJson(), pathInfo), told.out)
      if (told.code !== 0 || !info.success) return false
      // Anybody may add what is named by its content, and Nix takes that for signed.
      if (Object.values(info.output).some((one) => one === null || (one.ca ?? null) !== null)) return false
      const verify = ['store', 'verify', '--no-contents', '--sigs-needed', '1', path]
      return (await run('nix', [...command, ...verify])).code === 0
    },
    async difference(from, to) {
      const { code, out } = await run('nix', [...command, 'store', 'diff-closures', from, to])
      return code === 0
        ? out.split('\n').filter((line) => line.trim() !== '')
        : ['the difference of the packages cannot be told']
    },
    profile: () => places.storePathOf(profile),
    async setProfile(path) {
      const generation = await generationOf(path, profile, places)
      const how = generation === null ? ['--set', path] : ['--switch-generation', generation]
      await must('nix-env', ['--profile', places.at(profile), ...how])
    },
  }
}

async function link(to: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const next = `${path}.next`
  await rm(next, { force: true })
  await symlink(to, next)
  await rename(next, path)
  await syncDirectory(dirname(path))
}

/** The newest number under which a profile has a system. */
async function generationOf(path: string, profile: string, { at, storePathOf }: Places): Promise<string | null> {
  const directory = dirname(profile)
  const form = new RegExp(`^${basename(profile)}-(\\d+)-link$`)
  const numbers = (await readdir(at(directory)).catch(() => [])).flatMap((name) => form.exec(name)?.[1] ?? [])
  for (const number of numbers.toSorted((a, b) => Number(b) - Number(a))) {
    const name = `${directory}/${basename(profile)}-${number}-link`
    const is = await readlink(at(name)).catch((cause: unknown) => {
      if (codeOf(cause) === 'EINVAL' || codeOf(cause) === 'ENOENT') return null
      throw cause
    })
    if (is === path || (is !== null && (await storePathOf(name)) === path)) return number
  }
  return null
}
