import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { unmountBelow } from '../hosts/booted.ts'
import { withLock } from '../hosts/lock.ts'
import { baseTree, type Suite } from './base.ts'

const run = promisify(execFile)

/** What guardian's Debian package adds to the tree of a suite: a layer for every host that has it from the start. */
export async function guardianLayer(suite: Suite, file: string): Promise<string> {
  const base = await baseTree(suite)
  const hash = createHash('sha256').update(await readFile(file))
  const layer = `${base}-guardian-${hash.digest('hex').slice(0, 12)}`
  await withLock(`${layer}.lock`, async () => void (existsSync(layer) || (await install(base, file, layer))))
  await utimes(layer, new Date(), new Date())
  return layer
}

async function install(base: string, file: string, layer: string): Promise<void> {
  await removeOld(base)
  const making = `${layer}.making`
  await unmountBelow(making)
  await rm(making, { recursive: true, force: true })
  const at = (part: string) => join(making, part)
  for (const part of ['root', 'upper', 'work']) await mkdir(at(part), { recursive: true })
  const options = `lowerdir=${base},upperdir=${at('upper')},workdir=${at('work')}`
  await run('mount', ['-t', 'overlay', 'overlay', '-o', options, at('root')])
  try {
    await run('dpkg', [`--root=${at('root')}`, '--install', file])
  } finally {
    await unmountBelow(making)
  }
  await rename(at('upper'), layer)
  await rm(making, { recursive: true })
}

/** Layers of packages that nobody has used for two hours: no lab lasts that long. */
async function removeOld(base: string): Promise<void> {
  const cache = dirname(base)
  const layers = (await readdir(cache)).filter((name) => name.startsWith(`${basename(base)}-guardian-`))
  for (const layer of layers.map((name) => join(cache, name))) {
    if ((await stat(layer)).mtimeMs < Date.now() - 7_200_000) await rm(layer, { recursive: true, force: true })
  }
}
