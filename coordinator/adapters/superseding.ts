import * as v from 'valibot'
import { claim } from '../../protocol/authority.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Refusal } from '../../protocol/v2/ping.ts'

/** The agent's own word behind a dial that it refused because a later claim outranks ours; null for any other. */
export function refusalOf(cause: unknown): Refusal | null {
  if (!(cause instanceof GuardianError)) return null
  const { epoch, instance, revision } = cause.fields
  const seen = v.safeParse(claim, { epoch, instance, revision })
  return seen.success ? { type: 'error', code: cause.code, message: cause.message, seen: seen.output } : null
}
