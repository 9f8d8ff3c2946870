import { createHash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { GuardianError } from './errors.ts'
import { limits } from './limits.ts'

/** One line of a key file. It never shows itself: neither in JSON nor in a log. */
export class Key {
  /** Names the key without telling it. */
  readonly id: string
  readonly #line: string
  #tlsKey: Buffer | null = null

  constructor(line: string) {
    this.#line = line
    this.id = expand(line, 'io-guardian/key-id', 8).toString('hex')
  }

  /** What TLS-PSK is keyed with in protocol v2. */
  tlsKey(): Buffer {
    this.#tlsKey ??= expand(this.#line, 'io-guardian/tls/v2', 32)
    return this.#tlsKey
  }

  matches(candidate: string): boolean {
    return timingSafeEqual(digest(candidate), digest(this.#line))
  }

  /** The raw line: only a v1 client sends it, only `keygen` prints it. */
  line(): string {
    return this.#line
  }

  /** The key of one host, from which nobody can tell the fleet's or another host's. */
  derive(keyName: string): Key {
    return new Key(expand(this.#line, `io-guardian/agent/${keyName}`, 32).toString('hex'))
  }

  toJSON(): '[secret]' {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): '[secret]' {
    return '[secret]'
  }
}

function expand(line: string, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', line, '', info, bytes))
}

// Digests have one length, so the comparison tells neither content nor length.
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/**
 * Reads one key a line; blank lines and lines that begin with `#` are skipped. The first is used to send, all are accepted.
 * @throws GuardianError `bad-key-file` that names `source` and the line, never its text
 */
export function parseKeys(text: string, source: string): readonly Key[] {
  const keys = text.split('\n').flatMap((raw, at) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return []
    if (line.length >= limits.keyLengthMin) return [new Key(line)]
    throw new GuardianError(
      'bad-key-file',
      `key file ${source}: the key in line ${at + 1} has ${line.length} characters, ${limits.keyLengthMin} are needed: make one with "guardian keygen"`,
      { file: source },
    )
  })
  if (keys.length > 0) return keys
  throw new GuardianError(
    'bad-key-file',
    `key file ${source}: holds no key: make one with "guardian keygen --out ${source}"`,
    { file: source },
  )
}

/** A new random key of 256 bits, as a line for a key file. */
export function generateKey(): string {
  return randomBytes(32).toString('hex')
}
