import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { GuardianError } from '../protocol/errors.ts'
import * as names from '../protocol/names.ts'

/** Milliseconds of CLOCK_MONOTONIC, the same for all processes of a boot. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + Math.floor(nanoseconds / 1_000_000)
}

/** Milliseconds since 1970; only ever shown. */
export function wallMs(): number {
  return Date.now()
}

/** The kernel's id of this boot, 32 hex digits. */
export async function readBootId(path = '/proc/sys/kernel/random/boot_id'): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new GuardianError('bad-config', `boot id ${path}: cannot be read`, { file: path }, { cause })
  })
  const result = v.safeParse(names.bootId, text.trim().replaceAll('-', ''))
  if (result.success) return result.output
  throw new GuardianError('bad-config', `boot id ${path}: must be 32 hex digits, as the kernel writes it`, {
    file: path,
  })
}

/** 128 random bits in hex. */
export function randomId(): string {
  return randomBytes(16).toString('hex')
}
