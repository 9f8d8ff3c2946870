import { readFile, writeFile } from 'node:fs/promises'

const directory = new URL('../golden/ctl/', import.meta.url)

interface Asserts {
  equal(found: string, wanted: string, message: string): boolean
}

/** Holds a picture against the one in test/golden/ctl; with GOLDEN=write it becomes the one. */
export async function matchGolden(t: Asserts, name: string, lines: readonly string[]): Promise<void> {
  const path = new URL(`${name}.txt`, directory)
  const text = `${lines.join('\n')}\n`
  if (process.env.GOLDEN === 'write') await writeFile(path, text)
  t.equal(text, await readFile(path, 'utf8'), `as in ${name}.txt`)
}
