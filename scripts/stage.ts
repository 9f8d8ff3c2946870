import { cp, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'

// `stage.ts DIR`: a guardian that needs nothing else, as it lies in /usr/lib/guardian: bundles, units, the packages that
// the bundles load from outside, with their compiled parts, and the Node that they were compiled for.

const root = fileURLToPath(new URL('..', import.meta.url))
const to = process.argv[2]
if (to === undefined) throw new Error('usage: stage.ts DIR')

const manifest = v.object({
  version: v.string(),
  dependencies: v.optional(v.record(v.string(), v.string()), {}),
  optionalDependencies: v.optional(v.record(v.string(), v.string()), {}),
})
/** Only there to compile others. */
const compilers = ['prebuild-install', 'nan'] as const
/** What a package has besides what is loaded. */
const unused =
  /\/(deps|src|test|examples|docs|README\.md|binding\.gyp|[^/]+\.cc|\..+|build\/(?!Release\/?$|Release\/(?!test_)[^/]+\.node$).+)(\/|$)/

await rm(to, { recursive: true, force: true })
await mkdir(to, { recursive: true })
for (const name of ['dist', 'units']) await cp(join(root, name), join(to, name), { recursive: true })
const { dependencies, optionalDependencies } = await read(root)
for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) await copyPackage(name, root)
await cp(await realpath(process.execPath), join(to, 'node'))
const script = join(to, 'dist/guardian.js')
const text = await readFile(script, 'utf8')
await writeFile(script, text.replace(/^#!.*/, '#!/usr/lib/guardian/node'))

async function read(directory: string): Promise<v.InferOutput<typeof manifest>> {
  return v.parse(manifest, JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')))
}

async function copyPackage(name: string, from: string, seen = new Set<string>()): Promise<void> {
  const directory = await directoryOf(name, from)
  const place = directory.slice(directory.indexOf('/node_modules/') + 1)
  if (seen.has(place)) return
  seen.add(place)
  await cp(directory, join(to ?? '', place), {
    recursive: true,
    filter: (path) => !unused.test(path.slice(directory.length)),
  })
  const { dependencies: more } = await read(directory)
  for (const each of Object.keys(more))
    if (!compilers.some((one) => one === each)) await copyPackage(each, directory, seen)
}

/** By walking up, because not every package lets its package.json be resolved. */
async function directoryOf(name: string, from: string): Promise<string> {
  for (const place of createRequire(join(await realpath(from), 'package.json')).resolve.paths(name) ?? []) {
    if ((await readdir(dirname(join(place, name))).catch(() => [])).length === 0) continue
    const found = join(place, name)
    if (
      await read(found).then(
        () => true,
        () => false,
      )
    )
      return await realpath(found)
  }
  throw new Error(`${name} is not installed: npm ci`)
}
