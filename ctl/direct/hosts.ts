import { build } from '../../daemon/build.ts'
import { monotonicMs } from '../../daemon/clock.ts'
import { authorityOf } from '../../daemon/dial-socket.ts'
import type { DirectHost, DirectMandate } from '../../daemon/direct.ts'
import { readKeyFile } from '../../daemon/key-file.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Context } from '../context.ts'
import { operatorName } from '../operator.ts'
import type { DirectSettings } from '../settings.ts'

export interface HostPlace {
  readonly host: string
  readonly address: string
  readonly port: number
}

/**
 * Reads `NAME`, `NAME:PORT`, `NAME=ADDRESS` and `NAME=ADDRESS:PORT`, by comma; an IPv6 address with a port stands in
 * brackets.
 */
export function readHosts(text: string, port: number): readonly HostPlace[] {
  const words = text.split(',').map((word) => word.trim())
  return words.filter((word) => word !== '').map((word) => readHost(word, port))
}

function readHost(word: string, defaultPort: number): HostPlace {
  const equals = word.indexOf('=')
  const { address, port = defaultPort } = readAddress(word.slice(equals + 1), word)
  return { host: equals === -1 ? address : word.slice(0, equals), address, port }
}

function readAddress(text: string, whole: string): { readonly address: string; readonly port?: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.%a-z]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const address = bracketed ?? plain
  if (address === undefined && /^[0-9A-Fa-f:.]+$/.test(text) && text.split(':').length > 2) return { address: text }
  if (address === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) {
    throw new GuardianError(
      'bad-request',
      `--hosts: cannot read ${JSON.stringify(whole)}: use NAME, NAME:PORT or NAME=ADDRESS:PORT`,
    )
  }
  return { address, ...(port !== undefined && { port: Number(port) }) }
}

/** As `readHosts` reads it. */
export function hostText({ host, address, port }: HostPlace): string {
  return `${host === address ? '' : `${host}=`}${authorityOf(address, port)}`
}

/** The hosts that --direct speaks to, each with its keys. */
export async function directHosts(settings: DirectSettings): Promise<readonly DirectHost[]> {
  const places = readHosts(settings.hosts, settings.port)
  if (places.length === 0)
    throw new GuardianError('bad-request', '--direct needs to know the agents: --hosts web1,web2 or GUARDIAN_HOSTS')
  if (settings.pskFile === null)
    throw new GuardianError('bad-request', '--direct needs the key: --psk-file FILE or GUARDIAN_PSK_FILE')
  const keys = await readKeyFile(settings.pskFile)
  return places.map((place) => ({
    ...place,
    protocol: settings.v1 ? 'v1' : 'v2',
    keys: settings.derived ? keys.map((key) => key.derive(place.host)) : keys,
  }))
}

export function directMandate(context: Context, defaultMs: number): DirectMandate {
  return {
    authority: { kind: 'direct', operator: operatorName(context.world.env) },
    build,
    deadlineMs: monotonicMs() + (context.settings.timeoutMs ?? defaultMs),
    signal: context.signal,
  }
}

/** @throws GuardianError for a flag that only a coordinator can follow */
export function refuseFlags(flags: Readonly<Record<string, boolean>>): void {
  for (const [flag, given] of Object.entries(flags)) {
    if (given) throw new GuardianError('bad-request', `${flag} needs a coordinator: leave it or --direct out`)
  }
}
