import { join } from 'node:path'
import type { TlsFiles } from '../daemon/dial-tls.ts'
import { readKeyFile, readTlsFiles } from '../daemon/key-file.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { Key } from '../protocol/keys.ts'
import type { AgentConfig } from './config.ts'

/** What a peer has to prove; never part of an object that is logged. */
export interface Secrets {
  /** Empty where certificates are used instead. */
  readonly v2: readonly Key[]
  readonly v1: readonly Key[]
  readonly tls: TlsFiles | null
}

/** @throws GuardianError that names the file and the way out */
export async function readSecrets(
  config: AgentConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Secrets> {
  const v2 = await readV2Keys(config, env)
  const v1 = config.v1 === 'off' ? [] : config.v1 === 'shared' ? v2 : await readKeyFile(config.v1.file)
  return { v2, v1, tls: config.tls === null ? null : await readTlsFiles(config.tls) }
}

async function readV2Keys(
  config: AgentConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Key[]> {
  if (config.tls !== null && config.pskFile === null) return []
  const { CREDENTIALS_DIRECTORY: credentials, GUARDIAN_PSK_FILE: named } = env
  const file = config.pskFile ?? (credentials === undefined ? named : join(credentials, 'psk'))
  if (file !== undefined) return await readKeyFile(file)
  throw new GuardianError(
    'bad-key-file',
    `${config.source}: there is no key: set pskFile (--psk-file, GUARDIAN_PSK_FILE), or LoadCredential=psk:FILE in the unit`,
  )
}
