import type { CoordinatorConfig, HostDial } from '../coordinator/config.ts'
import type { DirectHost } from '../daemon/direct.ts'
import { readKeyFile, readTlsFiles } from '../daemon/key-file.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { Key } from '../protocol/keys.ts'

/** A host of the config as it is dialled, or why it cannot be. */
export type HandHost = DirectHost | { readonly host: string; readonly unfit: string }

/** Keys of one protocol that cannot be read fail its hosts alone. */
export async function readHandHosts(
  config: CoordinatorConfig,
  names: ReadonlySet<string>,
  env: NodeJS.ProcessEnv,
): Promise<readonly HandHost[]> {
  const dials = [...config.dials.values()].filter(({ host }) => names.has(host))
  const ready = async (protocol: HostDial['protocol']): Promise<readonly HandHost[]> => {
    const mine = dials.filter((dial) => dial.protocol === protocol)
    if (mine.length === 0) return []
    try {
      const proofOf = protocol === 'v1' ? await readV1Proof(config) : await readV2Proof(config, env)
      return mine.map((dial) => ({ ...dial, ...proofOf(dial) }))
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      return mine.map(({ host }) => ({ host, unfit: cause.message }))
    }
  }
  return [...(await ready('v1')), ...(await ready('v2'))]
}

/** How the coordinator proves itself to a host. */
type ProofOf = (dial: HostDial) => Pick<DirectHost, 'keys' | 'tls'>

async function readV1Proof({ v1PskFile }: CoordinatorConfig): Promise<ProofOf> {
  const keys = v1PskFile === null ? [] : await readKeyFile(v1PskFile)
  return () => ({ keys })
}

async function readV2Proof(config: CoordinatorConfig, env: NodeJS.ProcessEnv): Promise<ProofOf> {
  if (config.tls !== null) {
    const tls = await readTlsFiles(config.tls)
    return () => ({ keys: [], tls })
  }
  const keys = await readV2Keys(config, env)
  return ({ keyName }) => ({ keys: config.keys === 'derived' ? keys.map((key) => key.derive(keyName)) : keys })
}

async function readV2Keys({ file, pskFile }: CoordinatorConfig, env: NodeJS.ProcessEnv): Promise<readonly Key[]> {
  const path = pskFile ?? env.GUARDIAN_PSK_FILE
  if (path !== undefined) return await readKeyFile(path)
  throw new GuardianError(
    'bad-key-file',
    `${file}: the gate finds no key to order agents with: set pskFile, or GUARDIAN_PSK_FILE in the gate's unit`,
  )
}
