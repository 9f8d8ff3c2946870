import { lstat, readlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import * as v from 'valibot'
import { storePath } from '../protocol/rollout/policy.ts'
import { codeOf } from './reason.ts'

const linksMax = 16

/**
 * The path of the Nix store that a link leads to in the end; null where it leads anywhere else. Below another root the
 * links are followed by hand, because an absolute one leads through that root.
 */
export async function storePathOf(root: string, link: string): Promise<string | null> {
  let path = link
  for (let count = 0; count < linksMax; count += 1) {
    const to = await readlink(join(root, path)).catch((cause: unknown) => {
      const code = codeOf(cause)
      if (code === 'EINVAL' || code === 'ENOENT' || code === 'ENOTDIR') return null
      throw cause
    })
    if (to === null) return v.is(storePath, path) && (await isDirectory(join(root, path))) ? path : null
    path = resolve(dirname(path), to)
  }
  return null
}

async function isDirectory(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
