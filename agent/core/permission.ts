import { dutyState, isStopPending } from './duty.ts'
import type { AgentState, Duty } from './state.ts'

/**
 * Whether a target that nothing holds may open now: its probes are good, the last stop has ended, and somebody with
 * authority said so, or none is expected, or none came for so long that this host decides alone.
 */
export function mayOpen(state: AgentState, duty: Duty, atMs: number): boolean {
  return wantsOpen(state, duty) && hasCome(duty, atMs) && probesGood(state, duty) && isAllowed(state, duty, atMs)
}

/** Nothing holds it, and it is shut. */
export function wantsOpen(state: AgentState, duty: Duty): boolean {
  const is = dutyState(duty, state.bootId)
  return is === 'released' || is === 'undecided' || (is === 'drifted' && (duty.allowed || duty.spec.enforce))
}

// Every start is refused while a stop is pending, and a stop that was sent but never seen may be pending.
function hasCome(duty: Duty, atMs: number): boolean {
  if (duty.view === null || isStopPending(duty.view)) return false
  return duty.work.is !== 'stopping' || duty.view.round === duty.round || atMs - duty.work.sinceMs >= unseenStopMs
}

const unseenStopMs = 15_000

export function probesGood(state: AgentState, duty: Duty): boolean {
  return duty.spec.needs.every((need) => state.probes.get(need)?.ok === true)
}

function isAllowed(state: AgentState, duty: Duty, atMs: number): boolean {
  if (!needsWord(state, duty)) return true
  const { bootWithoutCoordinatorMs } = state.policy
  if (hasCoordinator(state) || bootWithoutCoordinatorMs === null) return false
  return atMs - Math.max(duty.undecidedSinceMs, state.coordinatorHeardMs) >= bootWithoutCoordinatorMs
}

/** Whether a coordinator is still to say that it may open. */
export function needsWord(state: AgentState, duty: Duty): boolean {
  return !duty.allowed && state.policy.expectCoordinator && dutyState(duty, state.bootId) !== 'drifted'
}

export function hasCoordinator(state: AgentState): boolean {
  return [...state.links.values()].some((link) => link.role === 'coordinator')
}
