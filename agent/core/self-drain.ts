import type { Hold } from '../../protocol/hold.ts'
import { holdsOf } from './duty.ts'
import type { Move } from './move.ts'
import { dropHolds, takeHolds } from './orders.ts'
import type { Moment } from './rules.ts'
import type { AgentState, Duty } from './state.ts'

/** Stands for the holds of a marker that could not be read: only a person, who knows which these were, releases it. */
export const unreadableHold = 'self/unreadable-'

const hourMs = 3_600_000
const longestMs = 600_000

/** Without a coordinator a host watches the resources itself: drains when one stays down, opens when all stay up. */
export function selfDrainRule(duty: Duty, moment: Moment): Move | null {
  const { state, atMs } = moment
  const own = holdsOf(duty).filter((hold) => hold.owner === 'self' && !hold.id.startsWith(unreadableHold))
  const context = { bootId: state.bootId, waiter: null }
  if (own.length > 0) {
    if (!allFor(state, duty, true, patienceMs(state), atMs)) return null
    return dropHolds(
      duty,
      own.map((hold) => hold.id),
      true,
      context,
    )
  }
  if (duty.record.marker !== null || !isAlone(state, atMs) || !someDown(state, duty, atMs)) return null
  return takeHolds(duty, [selfHold(duty, moment)], [], context)
}

function isAlone(state: AgentState, atMs: number): boolean {
  const { onCoordinatorLost, lostAfterMs } = state.policy
  const wasMet = state.seen !== null
  // Not whether it is connected: a link to a host that lost its power stands until somebody misses an answer.
  return onCoordinatorLost === 'probe' && wasMet && atMs - state.coordinatorHeardMs >= lostAfterMs
}

function someDown(state: AgentState, duty: Duty, atMs: number): boolean {
  return duty.spec.needs.some((need) => {
    const probe = state.probes.get(need)
    return probe !== undefined && !probe.ok && atMs - probe.sinceMs >= state.policy.lostAfterMs
  })
}

function allFor(state: AgentState, duty: Duty, ok: boolean, spanMs: number, atMs: number): boolean {
  return duty.spec.needs.every((need) => {
    const probe = state.probes.get(need)
    return probe !== undefined && probe.ok === ok && atMs - probe.sinceMs >= spanMs
  })
}

/** How long the probes must be good: doubled by each self-drain within an hour of the one before. */
function patienceMs(state: AgentState): number {
  return Math.min(longestMs, state.policy.lostAfterMs * 2 ** Math.max(0, Math.min(state.selfDrain.count - 1, 10)))
}

/** Counts a self-drain that has just been decided. */
export function countSelfDrain(state: AgentState, atMs: number): AgentState {
  const isSoon = atMs - state.selfDrain.lastAtMs < hourMs
  return { ...state, selfDrain: { count: isSoon ? state.selfDrain.count + 1 : 1, lastAtMs: atMs } }
}

function selfHold(duty: Duty, { state, nonce, wallMs }: Moment): Hold {
  const down = duty.spec.needs.filter((need) => state.probes.get(need)?.ok === false)
  return {
    id: `self/${nonce}`,
    owner: 'self',
    message: `no coordinator, and down: ${down.join(', ')}`,
    sinceMs: wallMs,
    selector: state.policy.host,
    except: [],
  }
}
