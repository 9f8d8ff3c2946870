import { readFile, stat } from 'node:fs/promises'
import { codeOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { parseKeys } from '../../protocol/keys.ts'
import { limits } from '../../protocol/limits.ts'
import type { SecretFacts } from '../core/files.ts'
import type { ServiceFacts } from '../core/unit.ts'
import { type Account, may } from './accounts.ts'

export interface SecretQuestion {
  readonly path: string
  readonly what: string
  readonly kind: 'keys' | 'token' | 'opaque' | 'public'
  readonly reader: Account
  readonly make: string
}

const forbidden = { keys: 0o077, token: 0o007, opaque: 0o007, public: 0 } as const

export async function readSecret({ path, what, kind, reader, make }: SecretQuestion): Promise<SecretFacts> {
  const file = await stat(path).catch((cause: unknown) => codeOf(cause))
  const about = { path, what, make, forbidden: forbidden[kind], reader: reader.name }
  const unseen = { ...about, mode: 0, fault: null, readable: null }
  if (file === null || typeof file === 'string') {
    const isMissing = file === 'ENOENT' || file === 'ENOTDIR'
    return { ...unseen, is: isMissing ? 'missing' : 'unreadable' }
  }
  if (file.isDirectory()) return { ...unseen, is: 'no-file' }
  const text = await readFile(path, 'utf8').catch(() => null)
  const readable = await may(reader, 'read', path)
  const fault = text === null ? null : faultOf(kind, path, text)
  return { ...about, mode: file.mode, fault, readable, is: text === null ? 'unreadable' : 'there' }
}

function faultOf(kind: SecretQuestion['kind'], path: string, text: string): string | null {
  const { length } = text.trim()
  if (kind === 'token' && length < limits.keyLengthMin) {
    return `the token ${path} has ${length} characters, ${limits.keyLengthMin} are needed`
  }
  if (kind !== 'keys') return null
  try {
    parseKeys(text, path)
    return null
  } catch (cause) {
    if (cause instanceof GuardianError) return cause.message
    throw cause
  }
}

export interface KeySource {
  readonly path: string
  readonly reader: Account
}

/** Where a daemon reads its key, and who does it for the daemon; null where nobody says so. */
export function keySource(pskFile: string | null, service: ServiceFacts | null, account: Account): KeySource | null {
  if (pskFile !== null) return { path: pskFile, reader: account }
  const credential = service?.credentials.get('psk')
  if (credential !== undefined) return { path: credential, reader: manager(account) }
  const named = environmentOf(service).GUARDIAN_PSK_FILE
  return named === undefined ? null : { path: named, reader: account }
}

/** systemd reads credentials itself: as root, or as the user whose manager it is. */
function manager(account: Account): Account {
  return process.getuid?.() === account.uid ? account : { name: 'root', uid: 0, gid: 0 }
}

interface TlsPaths {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

export function tlsQuestions(tls: TlsPaths | null, reader: Account): readonly SecretQuestion[] {
  if (tls === null) return []
  const make = 'have it issued by your CA'
  return [
    { path: tls.cert, what: 'certificate', kind: 'public', reader, make },
    { path: tls.key, what: 'key of the certificate', kind: 'opaque', reader, make },
    { path: tls.ca, what: 'certificate of the CA', kind: 'public', reader, make },
  ]
}

/** What a daemon finds in its environment; without a unit, what this program finds in its own. */
export function environmentOf(service: ServiceFacts | null): Readonly<Record<string, string | undefined>> {
  if (service === null) return process.env
  return Object.fromEntries(
    service.environment.map((pair) => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)]),
  )
}
