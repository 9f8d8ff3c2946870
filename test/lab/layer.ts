import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { unmountBelow } from '../hosts/booted.ts'
import { withLock } from '../hosts/lock.ts'
import { baseTree, type Suite } from './base.ts'

const run = promisify(execFile)

/** What guardian's Debian package adds to the tree of a suite: a layer for every host that has it from the start. */
export async function guardianLayer(suite: Suite, file: string): Promise<string> {
  const base = await baseTree(suite)
  const layer = `${base}-guardian-${await hashOf(file)}`
  await once(base, layer, async (root) => {
    await removeOld(base)
    await run('dpkg', [`--root=${root}`, '--install', file])
  })
  await utimes(layer, new Date(), new Date())
  return layer
}

/** What a Debian 13 needs for `npm install -g guardian`. */
export function nodeLayer(): Promise<string> {
  return recipeLayer('node')
}

/** Debian 13's Nix, with a store of its own; the key of the lab is made with it. */
export function nixLayer(): Promise<string> {
  return recipeLayer('nix')
}

async function recipeLayer(name: string): Promise<string> {
  const recipe = fileURLToPath(new URL(`${name}.sh`, import.meta.url))
  const base = await baseTree('trixie')
  const layer = `${base}-${name}-${await hashOf(recipe)}`
  await once(base, layer, async (root) => void (await run(recipe, [root], { maxBuffer: 64 << 20 })))
  return layer
}

async function hashOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 12)
}

type Fill = (root: string) => Promise<void>

async function once(base: string, layer: string, fill: Fill): Promise<void> {
  await withLock(`${layer}.lock`, async () => void (existsSync(layer) || (await make(base, layer, fill))), 900_000)
}

async function make(base: string, layer: string, fill: Fill): Promise<void> {
  const making = `${layer}.making`
  await unmountBelow(making)
  await rm(making, { recursive: true, force: true })
  const at = (part: string) => join(making, part)
  for (const part of ['root', 'upper', 'work']) await mkdir(at(part), { recursive: true })
  const options = `lowerdir=${base},upperdir=${at('upper')},workdir=${at('work')}`
  await run('mount', ['-t', 'overlay', 'overlay', '-o', options, at('root')])
  try {
    await fill(at('root'))
  } finally {
    await unmountBelow(making)
  }
  await rename(at('upper'), layer)
  await rm(making, { recursive: true })
}

/** Layers of packages that nobody has used for two hours: no lab lasts that long. */
async function removeOld(base: string): Promise<void> {
  const cache = dirname(base)
  const ours = new RegExp(`^${basename(base)}-guardian-[0-9a-f]{12}$`)
  // Not their locks, which come and go.
  const layers = (await readdir(cache)).filter((name) => ours.test(name))
  for (const layer of layers.map((name) => join(cache, name))) {
    if ((await stat(layer)).mtimeMs < Date.now() - 7_200_000) await rm(layer, { recursive: true, force: true })
  }
}
