import type { Authority, Claim } from '../../protocol/authority.ts'
import { gateOf, type Hold, isAgentOwned } from '../../protocol/hold.ts'

export type Standing = 'accepted' | 'superseded' | 'stale'

/**
 * Whether a claim may order. A lower epoch, or the same one of another instance, was superseded; so was a newer epoch
 * whose store knows less than this host has seen: it was restored from an old copy.
 */
export function standing(seen: Claim | null, claim: Claim): Standing {
  if (seen === null) return 'accepted'
  if (claim.epoch < seen.epoch) return 'superseded'
  const isSame = claim.epoch === seen.epoch
  if (isSame && claim.instance !== seen.instance) return 'superseded'
  if (claim.revision >= seen.revision) return 'accepted'
  return isSame ? 'stale' : 'superseded'
}

/** The claim to persist, or null where nothing is new. */
export function advanced(seen: Claim | null, claim: Claim): Claim | null {
  const isKnown = seen !== null && seen.epoch === claim.epoch && seen.revision === claim.revision
  return isKnown ? null : claim
}

/** Which holds a peer may give: a coordinator's are never an agent's own, a gate's are its own. */
export function mayHold(authority: Authority, hold: Hold): boolean {
  switch (authority.kind) {
    case 'coordinator':
      return !isAgentOwned(hold.owner)
    case 'gate':
      return gateOf(hold.owner) === authority.resource && hold.id.startsWith(`${authority.resource}/`)
    case 'direct':
      return hold.owner === 'direct'
    default:
      return authority satisfies never
  }
}

/** Which holds a peer may release. A person at the agent itself may name any. */
export function mayRelease(authority: Authority, id: string): boolean {
  return authority.kind !== 'gate' || id.startsWith(`${authority.resource}/`)
}

/**
 * Holds of a gate's earlier runs, which end where a later one is taken; a coordinator's absence would pile them up. Not
 * those of a later run, which an order that was long under way has overslept, nor of another boot, which may be a twin's.
 */
export function earlierRuns(add: readonly Hold[], held: readonly Hold[]): readonly string[] {
  const taken = add.map(runOf)
  return held
    .filter((hold) => {
      const { gate, seq } = runOf(hold)
      return taken.some((run) => run.gate === gate && seq < run.seq)
    })
    .map(({ id }) => id)
}

/** A gate in one boot, and its run in it: `<resource>/<boot id>/<seq>`. */
function runOf({ id, owner }: Hold): { readonly gate: string; readonly seq: number } {
  const at = id.lastIndexOf('/')
  return { gate: `${owner} ${id.slice(0, at)}`, seq: Number(id.slice(at + 1)) }
}
