import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import { noParser, parse } from './nix.ts'

const root = resolve(import.meta.dirname, '../..')

async function nixFiles(): Promise<readonly string[]> {
  const below = await Promise.all(
    ['nix', 'test/nix'].map(async (folder) => {
      const entries = await readdir(join(root, folder), { recursive: true })
      return entries.filter((name) => name.endsWith('.nix')).map((name) => join(folder, name))
    }),
  )
  return ['flake.nix', ...below.flat()]
}

t.test('every Nix file can be parsed', { skip: noParser }, async (t) => {
  for (const file of await nixFiles()) await t.resolves(parse(join(root, file)), file)
})
