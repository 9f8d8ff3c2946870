import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { GuardianError } from '../protocol/errors.ts'
import { bootId, counter } from '../protocol/names.ts'
import type { GateRecord } from './core.ts'

const record = v.object({ state: v.picklist(['up', 'down']), seq: counter, bootId })

/** What the file says; null where there is none or it cannot be understood. */
export async function readRecord(directory: string, resource: string): Promise<GateRecord | null> {
  try {
    const text = await readFile(join(directory, resource), 'utf8')
    const result = v.safeParse(v.pipe(v.string(), v.parseJson(), record), text)
    return result.success ? result.output : null
  } catch {
    return null
  }
}

/** Durable when it resolves: the file is replaced whole, and the directory knows it. */
export async function writeRecord(directory: string, resource: string, content: GateRecord): Promise<void> {
  const path = join(directory, resource)
  const next = join(directory, `.${resource}.${process.pid}`)
  try {
    // tmpfiles makes it at boot; without it a drain would be forgotten rather than done.
    await mkdir(directory, { recursive: true, mode: 0o755 })
    await writeDurably(next, JSON.stringify(content))
    await rename(next, path)
    await syncDirectory(directory)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new GuardianError(
      'not-persisted',
      `gate file ${path} cannot be written (${code}): see that systemd-tmpfiles has made ${directory} for the user io-guardian-coordinator`,
      { file: path },
      { cause },
    )
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o644)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
