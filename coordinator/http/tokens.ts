import { createHash, timingSafeEqual } from 'node:crypto'
import { open } from 'node:fs/promises'
import { codeOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import type { CoordinatorConfig } from '../config.ts'
import type { TokenMay } from './api.ts'

/** What bearer of which token may do; it keeps digests only. */
export interface Tokens {
  /** null for a token that is not known. */
  check(candidate: string): { readonly name: string; readonly may: TokenMay } | null
}

interface TokenConfig extends Pick<CoordinatorConfig, 'file'> {
  readonly api: Pick<CoordinatorConfig['api'], 'tokens'>
}

interface Known {
  readonly name: string
  readonly may: TokenMay
  readonly digest: Buffer
}

/** @throws GuardianError `bad-config` that names the file and where the configuration names it */
export async function readTokens({ file, api }: TokenConfig): Promise<Tokens> {
  const known = api.tokens.map(async (token, index) => {
    const where = `${file}: api.tokens.${index}.file`
    return { ...token, digest: digestOf(await readToken(token.file, where)) }
  })
  return tokensOf(await Promise.all(known))
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

async function readToken(file: string, where: string): Promise<string> {
  const bad = (what: string, cause?: unknown): GuardianError =>
    new GuardianError('bad-config', `${where}: ${file} ${what}`, { file }, { cause })
  await using handle = await open(file, 'r').catch((cause: unknown) => {
    const wayOut = `put a random token of at least ${limits.keyLengthMin} characters there, for example by guardian keygen`
    throw bad(`cannot be read (${codeOf(cause)}): ${wayOut}`, cause)
  })
  const { mode } = await handle.stat()
  if ((mode & 0o007) !== 0 && !isCredential(file)) throw bad(`may be read by everybody: run "chmod o= ${file}"`)
  const token = (await handle.readFile('utf8')).trim()
  if (token.length >= limits.keyLengthMin) return token
  throw bad(`has ${token.length} characters, ${limits.keyLengthMin} are needed`)
}

function isCredential(file: string): boolean {
  const directory = process.env.CREDENTIALS_DIRECTORY
  return directory !== undefined && file.startsWith(`${directory}/`)
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
