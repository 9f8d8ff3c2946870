import { type FileHandle, open, readFile } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { createSecureContext } from 'node:tls'
import { GuardianError } from '../protocol/errors.ts'
import { type Key, parseKeys } from '../protocol/keys.ts'
import type { TlsFiles } from './dial-tls.ts'
import { codeOf, reasonOf } from './reason.ts'

const bytesMax = 64 * 1024

/** @throws GuardianError `bad-key-file` that names the file and the way out */
export async function readKeyFile(path: string): Promise<readonly Key[]> {
  await using file = await open(path, 'r').catch((cause: unknown) => {
    throw bad(path, whyNotOpened(path, cause), cause)
  })
  await refuseUnfit(path, file)
  return parseKeys(await file.readFile('utf8'), path)
}

/** @throws GuardianError `bad-key-file` that names the file, or says that they do not fit */
export async function readTlsFiles(paths: Readonly<Record<keyof TlsFiles, string>>): Promise<TlsFiles> {
  const read = (name: keyof TlsFiles): Promise<Buffer> =>
    readFile(paths[name]).catch((cause: unknown) => {
      const file = paths[name]
      throw new GuardianError(
        'bad-key-file',
        `tls.${name}: cannot read ${file} (${codeOf(cause)})`,
        { file },
        { cause },
      )
    })
  // One by one, so that the same file is named each time.
  const files = { cert: await read('cert'), key: await read('key'), ca: await read('ca') }
  refuseUseless(files)
  return files
}

/** Said here, for later there is nobody to be told. */
function refuseUseless(files: TlsFiles): void {
  try {
    createSecureContext(files)
  } catch (cause) {
    const text = `tls.cert, tls.key and tls.ca cannot be used: ${reasonOf(cause)}`
    throw new GuardianError('bad-key-file', text, {}, { cause })
  }
}

async function refuseUnfit(path: string, file: FileHandle): Promise<void> {
  const stat = await file.stat()
  if (!stat.isFile() && !stat.isFIFO()) throw bad(path, 'is not a file')
  if (stat.size > bytesMax) throw bad(path, `has ${stat.size} bytes: this is no key file`)
  // systemd guards its credentials by the directory and may show the file itself as readable.
  if ((stat.mode & 0o077) !== 0 && !isCredential(path)) {
    const mode = (stat.mode & 0o777).toString(8).padStart(4, '0')
    throw bad(path, `others may read it (mode ${mode}): run "chmod 600 ${path}", and replace the key if it was read`)
  }
}

function isCredential(path: string): boolean {
  const directory = process.env.CREDENTIALS_DIRECTORY
  return directory !== undefined && resolve(path).startsWith(resolve(directory) + sep)
}

function whyNotOpened(path: string, cause: unknown): string {
  const code = codeOf(cause)
  if (code === 'ENOENT') return `does not exist: make one with "guardian keygen --out ${path}"`
  if (code === 'EACCES') return `may not be read by user id ${process.getuid?.()}: give it to that user, mode 0600`
  return `cannot be opened (${code})`
}

function bad(path: string, what: string, cause?: unknown): GuardianError {
  return new GuardianError('bad-key-file', `key file ${path}: ${what}`, { file: path }, { cause })
}
