import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CoordinatorConfig } from '../coordinator/config.ts'
import type { DirectHost } from '../daemon/direct.ts'
import { readKeyFile } from '../daemon/key-file.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { Key } from '../protocol/keys.ts'

/** The hosts of the config as they are dialled, each with the keys that it knows the coordinator by. */
export async function readDirectHosts(
  config: CoordinatorConfig,
  names: ReadonlySet<string>,
  env: NodeJS.ProcessEnv,
): Promise<readonly DirectHost[]> {
  const dials = [...config.dials.values()].filter(({ host }) => names.has(host))
  const v2Keys = dials.some(({ protocol }) => protocol === 'v2') ? await readV2Keys(config, env) : []
  const v1Keys = dials.some(({ protocol }) => protocol === 'v1') ? await readV1Keys(config) : []
  const tls = config.tls === null ? null : await readTls(config.tls)
  return dials.map(({ host, address, port, protocol, keyName }) => ({
    host,
    address,
    port,
    protocol,
    keys: protocol === 'v1' ? v1Keys : config.keys === 'derived' ? v2Keys.map((key) => key.derive(keyName)) : v2Keys,
    ...(tls !== null && { tls }),
  }))
}

async function readV2Keys(config: CoordinatorConfig, env: NodeJS.ProcessEnv): Promise<readonly Key[]> {
  if (config.tls !== null && config.pskFile === null) return []
  const { CREDENTIALS_DIRECTORY: credentials, GUARDIAN_PSK_FILE: named } = env
  const path = config.pskFile ?? (credentials === undefined ? named : join(credentials, 'psk'))
  if (path !== undefined) return await readKeyFile(path)
  throw new GuardianError(
    'bad-key-file',
    `${config.file}: the gate finds no key to order agents with: set pskFile, or LoadCredential=psk:FILE in the gate's unit`,
  )
}

async function readV1Keys(config: CoordinatorConfig): Promise<readonly Key[]> {
  return config.v1PskFile === null ? [] : await readKeyFile(config.v1PskFile)
}

async function readTls(files: NonNullable<CoordinatorConfig['tls']>): Promise<NonNullable<DirectHost['tls']>> {
  const [cert, key, ca] = await Promise.all([readFile(files.cert), readFile(files.key), readFile(files.ca)])
  return { cert, key, ca }
}
