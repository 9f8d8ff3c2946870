import { error, type Finding } from './finding.ts'

/** Whether somebody may do something; null where that cannot be told from here. */
export type May = boolean | null

/** A file whose text must stay secret: a key, a token, the key of a certificate. */
export interface SecretFacts {
  readonly path: string
  /** For a person: `key`, `v1 key`, `token grafana`. */
  readonly what: string
  readonly is: 'there' | 'missing' | 'no-file' | 'unreadable'
  /** Permission bits. */
  readonly mode: number
  /** Bits that nobody but its owner, or its group, may have. */
  readonly forbidden: number
  /** What is wrong with its text, as the daemon would say it. */
  readonly fault: string | null
  /** Who reads it: the daemon's user, or systemd where it is a credential. */
  readonly reader: string
  readonly readable: May
  /** How a new one is made. */
  readonly make: string
}

export function secretFindings(files: readonly SecretFacts[]): readonly Finding[] {
  return files.flatMap((file) => [...ofSecret(file)])
}

function* ofSecret(file: SecretFacts): Generator<Finding> {
  const { path, what, make, reader, is } = file
  if (is !== 'missing' && is !== 'no-file') return yield* ofText(file)
  yield error('secret-missing', {
    found: `the ${what} ${path} ${is === 'missing' ? 'does not exist' : 'is not a file'}`,
    wanted: `a file that ${reader} alone may read`,
    run: is === 'missing' ? [make] : [`rm -r ${path}`, make],
  })
}

function* ofText(file: SecretFacts): Generator<Finding> {
  const { path, what, make, reader, mode, forbidden, fault, readable } = file
  if ((mode & forbidden) !== 0) {
    yield error('secret-open', {
      found: `the ${what} ${path} may be read by others (mode ${(mode & 0o7777).toString(8).padStart(4, '0')})`,
      wanted: `nobody but ${reader} reads it; whoever did can order hosts`,
      run: [`chmod ${forbidden === 0o007 ? 'o=' : 'go='} ${path}`, `if somebody may have read it, replace it: ${make}`],
    })
  }
  if (readable === false) {
    yield error('secret-unreadable', {
      found: `the ${what} ${path} may not be read by ${reader}`,
      wanted: `readable by ${reader}, and by nobody else`,
      run: [`chown ${reader} ${path}`, `chmod 600 ${path}`],
    })
  }
  if (fault !== null)
    yield error('secret-unfit', { found: fault, wanted: 'a key of at least 32 characters', run: [make] })
}
