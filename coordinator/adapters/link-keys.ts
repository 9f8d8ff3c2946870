import { readKeyFile, readTlsFiles } from '../../daemon/key-file.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Key } from '../../protocol/keys.ts'
import type { CoordinatorConfig } from '../config.ts'
import type { LinkKeys } from './agent-links.ts'

/** Reads every secret that links need; they stay apart from the configuration, which may be shown. */
export async function readLinkKeys(config: CoordinatorConfig): Promise<LinkKeys> {
  const fleet = await readFleetKeys(config)
  const v1 = config.v1PskFile === null ? null : ((await readKeyFile(config.v1PskFile))[0] ?? null)
  return {
    keysOf: ({ keyName }) => (config.keys === 'shared' ? fleet : fleet.map((key) => key.derive(keyName))),
    v1,
    tls: config.tls === null ? null : await readTlsFiles(config.tls),
  }
}

async function readFleetKeys(config: CoordinatorConfig): Promise<readonly Key[]> {
  const needsKey = config.tls === null && [...config.dials.values()].some(({ protocol }) => protocol === 'v2')
  if (!needsKey) return []
  const file = keyFileOf(config)
  if (file !== null) return await readKeyFile(file)
  throw new GuardianError(
    'bad-config',
    `${config.file}: pskFile: is missing, and there is neither GUARDIAN_PSK_FILE nor a systemd credential named psk; ` +
      'make a key with "guardian keygen --out FILE" and name it here',
    { file: config.file },
  )
}

/** The file of the fleet's key: configured, from the environment, or a systemd credential. */
export function keyFileOf({ pskFile }: Pick<CoordinatorConfig, 'pskFile'>): string | null {
  const { GUARDIAN_PSK_FILE, CREDENTIALS_DIRECTORY } = process.env
  if (pskFile !== null) return pskFile
  if (GUARDIAN_PSK_FILE !== undefined) return GUARDIAN_PSK_FILE
  return CREDENTIALS_DIRECTORY === undefined ? null : `${CREDENTIALS_DIRECTORY}/psk`
}
