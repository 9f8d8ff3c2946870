import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { unmountBelow } from '../hosts/booted.ts'
import { withLock } from '../hosts/lock.ts'

/** Debian 12 with systemd 252 and PostgreSQL 15, and Debian 13 with systemd 257 and PostgreSQL 17. */
export type Suite = 'bookworm' | 'trixie'

const recipe = fileURLToPath(new URL('base.sh', import.meta.url))
const cache = fileURLToPath(new URL('../../.cache/lab', import.meta.url))

/** The tree that every host of a suite starts from, made where this recipe was not followed yet. Nobody writes to it. */
export async function baseTree(suite: Suite): Promise<string> {
  const hash = createHash('sha256').update(await readFile(recipe))
  const tree = join(cache, `${suite}-${hash.digest('hex').slice(0, 12)}`)
  if (existsSync(tree)) return tree
  await withLock(`${tree}.lock`, async () => void (existsSync(tree) || (await make(suite, tree))), 900_000)
  return tree
}

async function make(suite: Suite, tree: string): Promise<void> {
  const making = `${tree}.making`
  // What a killed one left.
  await unmountBelow(making)
  await rm(making, { recursive: true, force: true })
  await mkdir(cache, { recursive: true })
  try {
    await promisify(execFile)(recipe, [suite, making], { maxBuffer: 64 << 20 })
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? `${cause.stderr}`.trimEnd().split('\n').slice(-8) : []
    await writeFile(`${tree}.log`, `${String(cause)}`)
    throw new Error(`cannot make a Debian ${suite} for the lab, see ${tree}.log:\n${said.join('\n')}`, { cause })
  }
  await rename(making, tree)
}
