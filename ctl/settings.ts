import * as v from 'valibot'
import type { ApiPlace } from '../daemon/api-client.ts'
import { parseDuration } from '../protocol/duration.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { Given } from './command-line.ts'
import type { World } from './world.ts'

/** What every command is told: how to reach the fleet, and how to answer. */
export interface Settings {
  readonly json: boolean
  /** The flags that say how to reach the fleet, as on this command line. */
  readonly given: Given
  readonly socket: string
  readonly url: string | null
  readonly tokenFile: string | null
  readonly direct: DirectSettings | null
  /** For the whole command; null where nobody said. */
  readonly timeoutMs: number | null
}

export interface DirectSettings {
  readonly hosts: string
  readonly port: number
  readonly pskFile: string | null
  readonly derived: boolean
  readonly v1: boolean
}

export const defaultSocket = '/run/io-guardian-coordinator/api.sock'

/** `90s` or, as IO Guardian's client took it, a plain number of seconds. */
export const timeSpan = v.pipe(
  v.string(),
  v.check((text) => spanOf(text) !== null, 'must be a duration such as 90s, 5min or 1h30m'),
  v.transform((text) => spanOf(text) ?? 0),
  v.minValue(1, 'must be longer than nothing'),
  v.maxValue(366 * 86_400_000, 'must be a year at most'),
)

function spanOf(text: string): number | null {
  return /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1_000) : parseDuration(text)
}

const port = v.pipe(
  v.string(),
  v.regex(/^\d{1,5}$/, 'must be a port number'),
  v.transform(Number),
  v.minValue(1, 'must be a port number'),
  v.maxValue(65_535, 'must be a port number'),
)

const globalOptions = v.object({
  json: v.optional(v.boolean(), false),
  socket: v.optional(v.string()),
  url: v.optional(v.pipe(v.string(), v.regex(/^http:\/\/[^/\s]+\/?$/, 'must be like http://host:9877'))),
  tokenFile: v.optional(v.string()),
  direct: v.optional(v.boolean(), false),
  hosts: v.optional(v.string()),
  port: v.optional(port),
  pskFile: v.optional(v.string()),
  derived: v.optional(v.boolean(), false),
  v1: v.optional(v.boolean(), false),
  timeout: v.optional(timeSpan),
})

/** Flags first, then the environment, then the defaults. */
export function settingsOf(options: unknown, env: World['env']): Settings {
  const from = decodeOptions(globalOptions, options)
  const fromEnv = decodeOptions(v.object({ url: globalOptions.entries.url, port: globalOptions.entries.port }), {
    url: filled(env.GUARDIAN_URL),
    port: filled(env.GUARDIAN_PORT),
  })
  const envTimeout = from.direct ? filled(env.GUARDIAN_TIMEOUT) : undefined
  const given = givenIn(from)
  return {
    json: from.json,
    given,
    socket: from.socket ?? filled(env.GUARDIAN_SOCKET) ?? defaultSocket,
    url: from.url ?? (from.socket === undefined ? fromEnv.url : undefined) ?? null,
    tokenFile: from.tokenFile ?? filled(env.GUARDIAN_TOKEN_FILE) ?? null,
    timeoutMs:
      from.timeout ??
      decodeOptions(v.object({ timeout: v.optional(timeSpan) }), { timeout: envTimeout }).timeout ??
      null,
    direct: from.direct
      ? {
          hosts: from.hosts ?? filled(env.GUARDIAN_HOSTS) ?? '',
          port: from.port ?? fromEnv.port ?? 9876,
          pskFile: from.pskFile ?? filled(env.GUARDIAN_PSK_FILE) ?? null,
          derived: from.derived,
          v1: from.v1,
        }
      : refuseStray(given),
  }
}

function givenIn({ json: _json, timeout: _timeout, ...place }: v.InferOutput<typeof globalOptions>): Given {
  const given = Object.entries(place).filter(([, value]) => value !== undefined && value !== false)
  return Object.fromEntries(given.map(([name, value]) => [flagOf(name), value === true ? value : String(value)]))
}

/** Flags of `--direct` without it would be ignored in silence. */
function refuseStray(given: Given): null {
  const stray = ['--hosts', '--port', '--psk-file', '--derived', '--v1'].find((flag) => flag in given)
  if (stray === undefined) return null
  throw new GuardianError(
    'bad-request',
    `${stray} is for agents that are spoken to without a coordinator: add --direct`,
  )
}

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value
}

/** @throws GuardianError `bad-request` that names the flag */
export function decodeOptions<T>(schema: v.GenericSchema<unknown, T>, options: unknown): T {
  const result = v.safeParse(schema, options)
  if (result.success) return result.output
  const [issue] = result.issues
  const flag = flagOf(v.getDotPath(issue) ?? '')
  throw new GuardianError('bad-request', `${flag} ${String(issue.input)}: ${issue.message}`)
}

export async function placeOf(settings: Settings): Promise<ApiPlace> {
  if (settings.url === null) return { kind: 'socket', path: settings.socket }
  const { tokenFile } = settings
  return {
    kind: 'url',
    url: settings.url.replace(/\/$/, ''),
    token: tokenFile === null ? null : await readToken(tokenFile),
  }
}

async function readToken(path: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new GuardianError(
      'bad-config',
      `token file ${path} cannot be read (${code}): give one with --token-file`,
      {},
      { cause },
    )
  })
  const token = text.trim()
  if (/^[\u0021-\u007e]+$/.test(token)) return token
  throw new GuardianError('bad-config', `token file ${path} must hold one token on one line`)
}
