import { createHash, timingSafeEqual } from 'node:crypto'
import { open } from 'node:fs/promises'
import { GuardianError } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import type { TokenFile } from '../config.ts'

/** What bearer of which token may do; it keeps digests only. */
export interface Tokens {
  /** null for a token that is not known. */
  check(candidate: string): { readonly name: string; readonly may: 'read' | 'operate' } | null
}

interface Known {
  readonly name: string
  readonly may: 'read' | 'operate'
  readonly digest: Buffer
}

/** @throws GuardianError `bad-config` that names the file */
export async function readTokens(files: readonly TokenFile[]): Promise<Tokens> {
  const known = await Promise.all(files.map(async (file) => ({ ...file, digest: digestOf(await readToken(file)) })))
  return tokensOf(known)
}

export function tokensOf(known: readonly Known[]): Tokens {
  return {
    check(candidate) {
      const digest = digestOf(candidate)
      let found: Known | null = null
      // All are looked at, so that the time tells nothing of which.
      for (const token of known) if (timingSafeEqual(token.digest, digest)) found = token
      return found
    },
  }
}

async function readToken({ name, file }: TokenFile): Promise<string> {
  await using handle = await open(file, 'r').catch((cause: unknown) => {
    throw bad(name, file, 'cannot be read', cause)
  })
  const { mode } = await handle.stat()
  if ((mode & 0o007) !== 0 && !isCredential(file))
    throw bad(name, file, `everybody may read it: run "chmod o= ${file}"`)
  const token = (await handle.readFile('utf8')).trim()
  if (token.length >= limits.keyLengthMin) return token
  throw bad(name, file, `has ${token.length} characters, ${limits.keyLengthMin} are needed`)
}

function isCredential(file: string): boolean {
  const directory = process.env.CREDENTIALS_DIRECTORY
  return directory !== undefined && file.startsWith(`${directory}/`)
}

function bad(name: string, file: string, what: string, cause?: unknown): GuardianError {
  return new GuardianError('bad-config', `token ${name}: ${file} ${what}`, { file }, { cause })
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
