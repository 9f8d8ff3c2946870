import * as v from 'valibot'
import { claim } from '../../protocol/authority.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Refusal } from '../../protocol/v2/ping.ts'

/** The agent's word behind a dial that failed because a later claim outranks ours; null for any other failure. */
export function refusalOf(cause: unknown): Refusal | null {
  if (!(cause instanceof GuardianError) || (cause.code !== 'superseded' && cause.code !== 'stale')) return null
  const { epoch, instance, revision } = cause.fields
  const seen = v.safeParse(claim, { epoch, instance, revision })
  return { type: 'error', code: cause.code, message: cause.message, seen: seen.success ? seen.output : null }
}
