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

export const kernelBootId = '/proc/sys/kernel/random/boot_id'

/**
 * The id of this boot, 32 hex digits. A unit is told it by systemd, GUARDIAN_BOOT_ID=%b: in a container the file, seen
 * from a sandbox, is that of the machine around, whose boot goes on when the container's is over.
 */
export async function readBootId(path: string): Promise<string> {
  const text = (path === kernelBootId && process.env.GUARDIAN_BOOT_ID) || (await readText(path))
  const result = v.safeParse(names.bootId, text.trim().replaceAll('-', ''))
  if (result.success) return result.output
  throw new GuardianError('bad-config', `boot id ${path}: must be 32 hex digits, as the kernel writes it`, {
    file: path,
  })
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new GuardianError('bad-config', `boot id ${path}: cannot be read`, { file: path }, { cause })
  })
}

/** 128 random bits in hex. */
export function randomId(): string {
  return randomBytes(16).toString('hex')
}
