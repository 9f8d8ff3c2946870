import type { TakeoverRequest } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { applied, type FleetStep, noted, saveOf, settle, still } from './change.ts'
import type { FleetEffect } from './effect.ts'
import { linkOf } from './links.ts'
import type { FleetHold, FleetState } from './state.ts'
import { holdStatus } from './status.ts'

/**
 * A person says that this coordinator is the one. It claims more than any agent has seen, and opens no host until each
 * has reported or been excused: whatever the lost store knew, the markers still know.
 */
export function takeoverAsked(state: FleetState, request: TakeoverRequest, atMs: number): FleetStep {
  const hosts = [...state.plan.hosts.values()].filter(
    (host) => host.protocol === 'v2' && !request.excuse.includes(host.name),
  )
  const isOver = state.superseded !== null
  const awaiting = new Set(hosts.map((host) => host.name).filter((host) => isOver || state.awaiting.has(host)))
  const unmarked = unmarkedHolds(state)
  const view = { unmarked: unmarked.map((hold) => holdStatus(state, hold, atMs)), awaiting: [...awaiting] }
  if (request.dryRun) return still(state, [], { claim: state.claim, ...view })
  const strange = request.drop.find((id) => !unmarked.some((hold) => hold.id === id))
  if (strange !== undefined)
    throw new GuardianError(
      'unknown-hold',
      `${strange} is not a hold that no marker carries, so it cannot be dropped here`,
    )
  const change = { superseded: null, awaiting, release: request.drop, isQuiet: !isOver && request.drop.length === 0 }
  const raised = isOver ? { ...state, claim: above(state) } : state
  const after = applied(raised, change)
  const links = isOver ? closeAll(state) : []
  const effects: readonly FleetEffect[] = [
    ...noted({ what: 'taken-over', text: `epoch ${after.claim.epoch}` }),
    ...links,
  ]
  const answer = { claim: after.claim, ...view }
  const refused = new GuardianError(
    'not-persisted',
    'the store cannot be written; free space in the state directory and try again',
  )
  return {
    save: saveOf(after, change),
    next: settle(after, atMs, effects, answer),
    otherwise: { state, effects: [], answer: refused },
  }
}

function above({ claim, highest }: FleetState) {
  return {
    ...claim,
    epoch: Math.max(claim.epoch, highest.epoch) + 1,
    revision: Math.max(claim.revision, highest.revision),
  }
}

/** Every agent refused the old claim, so every link begins again with the new one. */
function closeAll(state: FleetState): readonly FleetEffect[] {
  return [...state.hosts].flatMap(([host, now]): readonly FleetEffect[] => {
    const link = linkOf(now)
    return link === null ? [] : [{ type: 'close', host, link, reason: 'taken over' }]
  })
}

function unmarkedHolds(state: FleetState): readonly FleetHold[] {
  const marked = new Set<string>()
  for (const host of state.hosts.values()) {
    for (const seat of host.seats.values()) for (const held of seat.report?.holds ?? []) marked.add(held.id)
  }
  return [...state.holds.values()].filter((hold) => !marked.has(hold.id))
}
