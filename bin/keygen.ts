import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { readKeyFile } from '../daemon/key-file.ts'
import { codeOf } from '../daemon/reason.ts'
import { GuardianError } from '../protocol/errors.ts'
import { generateKey, Key } from '../protocol/keys.ts'
import { hostName } from '../protocol/names.ts'

const help = `Makes a key for the fleet, or derives the key of one host from it.

Usage: guardian keygen [--out FILE]
       guardian keygen --host NAME --psk-file FLEETKEY [--out FILE]

  --host NAME       the key of this host alone, for "keys": "derived"; NAME is its keyName
  --psk-file FILE   the fleet's key (default: $GUARDIAN_PSK_FILE); its first line is derived from
  --out FILE        write to FILE, mode 0600, which must not exist yet; without it to standard output

A file may hold several keys, one a line: the first is used to send, all are accepted. To rotate a
key, append the new one everywhere, then put it first everywhere, then remove the old one.
`

/** `guardian keygen`; `argv` is what follows it. */
export async function main(argv: readonly string[]): Promise<void> {
  const { host, out, ...options } = readOptions(argv)
  if (options.help === true) {
    process.stdout.write(help)
    return
  }
  const line = host === undefined ? generateKey() : await derive(host, options['psk-file'])
  if (out === undefined) process.stdout.write(`${line}\n`)
  else await write(out, line)
}

function readOptions(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        host: { type: 'string' },
        'psk-file': { type: 'string' },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    return values
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
}

async function derive(host: string, file = process.env.GUARDIAN_PSK_FILE): Promise<string> {
  if (!v.is(hostName, host)) throw wrong(`--host ${JSON.stringify(host)} is no host name`)
  if (file === undefined) throw wrong('--host needs --psk-file, the fleet’s key that the host’s is derived from')
  const [first] = await readKeyFile(file)
  if (!(first instanceof Key)) throw wrong(`${file} holds no key`)
  return first.derive(host).line()
}

async function write(path: string, line: string): Promise<void> {
  // Never over a key that is in use.
  await using file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    const why = codeOf(cause) === 'EEXIST' ? 'exists already' : `cannot be written (${codeOf(cause)})`
    throw new GuardianError('bad-key-file', `key file ${path}: ${why}`, { file: path }, { cause })
  })
  await file.writeFile(`${line}\n`)
  await file.sync()
}

function wrong(text: string): GuardianError {
  return new GuardianError('bad-request', `keygen: ${text}; see guardian keygen --help`)
}
