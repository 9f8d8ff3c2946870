import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import pg from 'pg'
import type { PostgresSpec, Verdict } from '../probe.ts'
import { codeOf, reasonOf } from '../reason.ts'

const notYet: Readonly<Record<string, string>> = {
  '57P03': 'starting up or shutting down',
  '57P01': 'shutting down',
  '57P02': 'crashed and restarting',
  '53300': 'too many connections',
}

/**
 * Ready = accepts connections, and is not in recovery unless that is allowed. Without `user` the probe asks as a role
 * that need not exist: a server that refuses it is up, but whether it is in recovery cannot be seen, and the server
 * logs each refusal. A role of its own (`create role guardian login`) cures both.
 */
export async function checkPostgres(spec: PostgresSpec, signal: AbortSignal): Promise<Verdict> {
  const client = new pg.Client({
    host: spec.host,
    port: spec.port,
    user: spec.user ?? 'guardian-probe',
    database: spec.database ?? 'postgres',
    password: () => passwordOf(spec),
    application_name: 'guardian-probe',
    stream: () => new Socket({ signal }),
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const verdict = await recoveryOf(client, spec.allowRecovery)
    await client.end()
    return verdict
  } catch (cause) {
    const verdict = verdictOf(cause, spec)
    if (verdict === null) throw cause
    return verdict
  }
}

async function passwordOf({ passwordFile }: PostgresSpec): Promise<string> {
  if (passwordFile === undefined) return ''
  const text = await readFile(passwordFile, 'utf8').catch((cause: unknown) => {
    throw new Error(`passwordFile ${passwordFile}: ${reasonOf(cause)}`, { cause })
  })
  return text.trim()
}

async function recoveryOf(client: pg.Client, allowed: boolean): Promise<Verdict> {
  const { rows } = await client.query<{ recovering: boolean }>('select pg_is_in_recovery() as recovering')
  const recovering = rows[0]?.recovering !== false
  if (!recovering) return { ready: true, reason: 'accepts connections' }
  return { ready: allowed, reason: 'in recovery' }
}

/** Null where the failure tells nothing of the server. */
function verdictOf(cause: unknown, spec: PostgresSpec): Verdict | null {
  const code = codeOf(cause) ?? ''
  const why = notYet[code]
  if (why !== undefined) return { ready: false, reason: `${why} (${code})` }
  // 28xxx: refused our role; 3D000: no such database. Both come from a server that accepts connections.
  if (!code.startsWith('28') && code !== '3D000' && !isPasswordTrouble(cause)) return null
  if (spec.user === undefined) return { ready: true, reason: 'accepts connections' }
  return spec.allowRecovery
    ? { ready: true, reason: `accepts connections, but not role ${spec.user}` }
    : { ready: false, reason: `role ${spec.user} is refused (${code || 'password'}): recovery cannot be seen` }
}

// pg's own words, without a code. The server only asks for a password once it accepts connections.
function isPasswordTrouble(cause: unknown): boolean {
  return cause instanceof Error && cause.message.startsWith('SASL: ')
}
