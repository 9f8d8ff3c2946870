import { execFile } from 'node:child_process'
import { copyFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withLock } from '../hosts/lock.ts'
import { isNewer, sources } from '../hosts/program.ts'

const tree = fileURLToPath(new URL('../../', import.meta.url))
const place = join(tree, '.cache/deb')

/** Puts guardian's Debian package into a directory, built again where a source is newer, and resolves with its path. */
export async function debianPackage(directory: string): Promise<string> {
  return await withLock(
    join(tree, '.cache/deb.lock'),
    async () => {
      let name = await built()
      if (name === null || !isNewer(join(place, name), [...sources, 'units', 'debian'])) {
        await promisify(execFile)('make', ['-s', 'deb'], { cwd: tree, maxBuffer: 64 << 20 })
        name = await built()
      }
      if (name === null) throw new Error(`make deb has left no package in ${place}`)
      await copyFile(join(place, name), join(directory, name))
      return join(directory, name)
    },
    600_000,
  )
}

async function built(): Promise<string | null> {
  return (await readdir(place).catch(() => [])).find((name) => name.endsWith('.deb')) ?? null
}
