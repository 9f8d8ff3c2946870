import { open, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as v from 'valibot'
import { codeOf } from './reason.ts'

const fileBytesMax = 16 * 1024 * 1024

/** Replaces a file whole; resolves once it would survive a power cut. */
export async function writeDurably(path: string, value: unknown): Promise<void> {
  const next = join(dirname(path), `.${basename(path)}.next`)
  try {
    const file = await open(next, 'w', 0o644)
    try {
      await file.writeFile(`${JSON.stringify(value)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(next, path)
  } catch (cause) {
    await rm(next, { force: true }).catch(() => {})
    throw cause
  }
  await syncDirectory(dirname(path))
}

export async function removeDurably(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return
    throw cause
  }
  await syncDirectory(dirname(path))
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Null where there is no such file; throws where there is one that cannot be read or understood. */
export async function readAs<T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T | null> {
  let text: string
  try {
    if ((await stat(path)).size > fileBytesMax) throw new Error('it has more than 16 MiB')
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null
    throw cause
  }
  return v.parse(v.pipe(v.string(), v.parseJson(), schema), text)
}
