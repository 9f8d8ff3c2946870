import { createHash } from 'node:crypto'
import { access, constants, lstat, readFile, readlink, statfs } from 'node:fs/promises'
import * as v from 'valibot'
import type { SystemFacts } from '../core/checks.ts'
import type { Kernelside } from '../core/plan.ts'
import type { Places } from './places.ts'

/** What lies in the store, and what of it matters. */
export interface Systems {
  facts(path: string): Promise<Omit<SystemFacts, 'signed'>>
  kernelside(path: string | null): Promise<Kernelside>
  inhibitors(path: string | null): Promise<readonly string[]>
  /** null where there is no such place. */
  freeMiB(place: string): Promise<number | null>
}

const named = v.union([v.array(v.string()), v.record(v.string(), v.unknown())])

export function openSystems({ at, storePathOf }: Places): Systems {
  const text = (path: string): Promise<string | null> => readFile(at(path), 'utf8').catch(() => null)
  const names = async (path: string): Promise<readonly string[]> => namesIn((await text(path)) ?? '')
  return {
    async facts(path) {
      const [version, hostname] = await Promise.all([text(`${path}/nixos-version`), text(`${path}/etc/hostname`)])
      return {
        path,
        // A link in the store leads out of what was checked.
        present: (await storePathOf(path)) === path,
        isNixos: version !== null,
        hostname: hostname?.trim() ?? null,
        canSwitch: await isRunnable(at(`${path}/bin/switch-to-configuration`)),
      }
    },
    async kernelside(path) {
      const part = (name: string): Promise<string | null> =>
        path === null ? Promise.resolve(null) : identityOf(at(`${path}/${name}`))
      const [kernel, initrd, modules] = await Promise.all(['kernel', 'initrd', 'kernel-modules'].map(part))
      return {
        kernel: kernel ?? null,
        initrd: initrd ?? null,
        'kernel-modules': modules ?? null,
        'reboot-triggers': path === null ? [] : await names(`${path}/reboot-triggers`),
      }
    },
    inhibitors: async (path) => (path === null ? [] : await names(`${path}/switch-inhibitors`)),
    async freeMiB(place) {
      const found = await statfs(at(place)).catch(() => null)
      return found === null ? null : Math.floor((found.bavail * found.bsize) / 2 ** 20)
    },
  }
}

/** A list, the names of an object with what they stand for, or lines: it depends on the year. */
function namesIn(text: string): readonly string[] {
  const json = v.safeParse(v.pipe(v.string(), v.parseJson(), named), text)
  if (!json.success) return text.split('\n').filter((line) => line.trim() !== '')
  if (Array.isArray(json.output)) return json.output
  return Object.entries(json.output).map(([name, value]) =>
    value === true ? name : `${name} ${JSON.stringify(value)}`,
  )
}

async function identityOf(path: string): Promise<string | null> {
  const found = await lstat(path).catch(() => null)
  if (found === null) return null
  if (found.isSymbolicLink()) return await readlink(path)
  return found.isFile()
    ? createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
    : path
}

async function isRunnable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
