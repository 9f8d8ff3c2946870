import * as v from 'valibot'
import { type Claim, claim } from '../../protocol/authority.ts'
import { GuardianError } from '../../protocol/errors.ts'

/** The claim that outranks ours, from a dial that an agent refused for it; null for any other failure. */
export function claimSeen(cause: unknown): Claim | null {
  if (!(cause instanceof GuardianError)) return null
  const { epoch, instance, revision } = cause.fields
  const seen = v.safeParse(claim, { epoch, instance, revision })
  return seen.success ? seen.output : null
}
