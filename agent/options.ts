import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { GuardianError } from '../protocol/errors.ts'
import { type AgentConfig, decodeAgentConfig, defaultConfigFile, loadAgentConfig } from './config.ts'

type Environment = Readonly<Record<string, string | undefined>>

const flags = {
  config: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  'psk-file': { type: 'string' },
  target: { type: 'string', multiple: true },
  bus: { type: 'string' },
  'state-dir': { type: 'string' },
  'runtime-dir': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export interface Asked {
  readonly help: boolean
  /** Decodes the configuration; again at each reload. */
  readonly load: () => Promise<AgentConfig>
}

/**
 * A config file is taken whole. Without one, flags and GUARDIAN_* variables are what IO Guardian's server took, and v1
 * is accepted with the same key.
 * @throws GuardianError `bad-request` or `bad-config`
 */
export function readOptions(argv: readonly string[], env: Environment, defaultFile = defaultConfigFile): Asked {
  const given = parse(argv)
  const plain = plainOf(given, env)
  const named = given.config ?? env.GUARDIAN_CONFIG
  const isFlagged = !isEmpty(plainOf(given, {}))
  if (named !== undefined && isFlagged)
    throw wrong('a configuration file stands alone: what the other flags say belongs into it')
  // A key file alone may come by its variable, beside a file that names none.
  const isPlain = isFlagged || !isEmpty({ ...plain, pskFile: undefined })
  const file = named ?? (!isPlain && existsSync(defaultFile) ? defaultFile : null)
  const load = async () =>
    file === null ? decodeAgentConfig('command line and GUARDIAN_*', plainFile(plain)) : await loadAgentConfig(file)
  return { help: given.help === true, load }
}

interface Plain {
  readonly host?: string | undefined
  readonly port?: string | undefined
  readonly pskFile?: string | undefined
  readonly targets?: readonly string[] | undefined
  readonly bus?: string | undefined
  readonly stateDir?: string | undefined
  readonly runtimeDir?: string | undefined
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, strict: true }).values
  } catch (cause) {
    throw wrong(`${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}; see guardian agent --help`)
  }
}

function plainOf(given: ReturnType<typeof parse>, env: Environment): Plain {
  return {
    host: given.host ?? env.GUARDIAN_HOST,
    port: given.port ?? env.GUARDIAN_PORT,
    pskFile: given['psk-file'] ?? env.GUARDIAN_PSK_FILE,
    targets: given.target ?? env.GUARDIAN_TARGET?.split(','),
    bus: given.bus ?? env.GUARDIAN_BUS,
    stateDir: given['state-dir'] ?? env.GUARDIAN_STATE_DIR,
    runtimeDir: given['runtime-dir'] ?? env.GUARDIAN_RUNTIME_DIR,
  }
}

function isEmpty(plain: Plain): boolean {
  return Object.values(plain).every((value) => value === undefined)
}

/** The same as a config file would say it. */
function plainFile({ host, port, targets, ...rest }: Plain): object {
  const listen = { ...present({ address: host }), ...(port === undefined ? {} : { port: portOf(port) }) }
  const named = targets === undefined ? {} : { targets: Object.fromEntries(targets.map(targetOf)) }
  return { ...present(rest), ...named, listen, acceptV1: true, v1PskFile: 'shared' }
}

function present(values: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}

/** The decoder says what a port must be. */
function portOf(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text
}

/** `NAME=UNIT`, or either alone. */
function targetOf(text: string): readonly [string, { readonly unit: string }] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), { unit: text.slice(at + 1) }]
  if (text.endsWith('.target')) return [text.slice(0, -'.target'.length), { unit: text }]
  return [text, { unit: `${text}.target` }]
}

function wrong(text: string): GuardianError {
  return new GuardianError('bad-request', `guardian agent: ${text}`)
}
