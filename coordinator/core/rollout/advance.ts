import { type FleetStep, still } from '../change.ts'
import type { FleetState } from '../state.ts'
import { wantedConditions } from './conditions.ts'
import { Draft, type Moment } from './draft.ts'
import { verdictOf } from './health.ts'
import { isEnded, isRolling } from './kinds.ts'
import { rollBack } from './rollback.ts'
import { nextOf } from './run.ts'
import { jobOf, type Scene } from './scene.ts'
import { isOutcome, isSettled } from './settled.ts'
import { walk } from './stage.ts'
import type { HostRun } from './state.ts'
import { abortOn, failOver, pauseOn } from './trouble.ts'

/**
 * The one place where rollouts move: by what was seen, never by what was ordered. Whatever is due happens in one step; once
 * nothing is due the state is the very one that came in. A coordinator that is superseded moves and orders nothing.
 */
export function advanced(state: FleetState, moment: Moment): FleetStep {
  if (state.superseded !== null || !isRolling(state)) return still(state)
  const draft = new Draft(state, moment)
  for (const [id, rollout] of state.rollouts.all) {
    if (isEnded(rollout)) continue
    const wasSettled = isSettled(rollout, draft.runs(id))
    settleRollout(draft, id)
    const now = draft.rollout(id)
    if (!wasSettled && isSettled(now, draft.runs(id)) && isOutcome(now))
      draft.effect({ type: 'tell-outcome', rollout: id })
  }
  draft.keepConditions(new Set(wantedConditions(draft.state).map(({ key }) => key)))
  return draft.finish()
}

/** Each round moves every run as far as it goes; a rollout that has begun or ended hosts may move others. */
function settleRollout(draft: Draft, id: string): void {
  while (moveRuns(draft, id) || turn(draft, id)) if (isEnded(draft.rollout(id))) return
}

function moveRuns(draft: Draft, id: string): boolean {
  let hasMoved = false
  for (const run of draft.runs(id)) {
    for (let moved = moveRun(draft, run); moved !== null; moved = moveRun(draft, moved)) hasMoved = true
  }
  return hasMoved
}

/** One step of one run, if one is due. */
function moveRun(draft: Draft, run: HostRun): HostRun | null {
  const move = nextOf(sceneOf(draft, run), draft.moment.wallMs)
  if (move === null) return null
  const moved = draft.move(run, move)
  // Nobody knows how it is there: no other host begins before somebody has looked.
  if (move.to.is === 'lost') pauseOn(draft, run.rollout, 'failure', `${run.host}: ${move.reason}`)
  return moved
}

function sceneOf(draft: Draft, run: HostRun): Scene {
  const { state, moment } = draft
  const seen = { state, rollout: draft.rollout(run.rollout), run, job: jobOf(state, run), atMs: moment.atMs }
  const verdict = verdictOf({ ...seen, streak: null })
  if (verdict !== null) draft.streak(run.job, verdict.ok)
  return { ...seen, state: draft.state, streak: draft.state.rollouts.streaks.get(run.job) ?? null }
}

export function turn(draft: Draft, id: string): boolean {
  const { now } = draft.rollout(id)
  switch (now.is) {
    case 'planning':
    case 'planned':
      return plan(draft, id)
    case 'running':
      return failOver(draft, id) || walk(draft, id)
    case 'aborting':
      return abortOn(draft, id)
    case 'rolling-back':
      return rollBack(draft, id)
    case 'paused':
    case 'discarded':
    case 'succeeded':
    case 'failed':
    case 'aborted':
    case 'rolled-back':
    case 'rollback-failed':
      return false
    default:
      return now satisfies never
  }
}

/** A plan is ready when every host has said what it would do; it is made anew where one has yet to. */
function plan(draft: Draft, id: string): boolean {
  const isMaking = draft.runs(id).some(({ now }) => now.is === 'pending' || now.is === 'prefetching')
  const { now } = draft.rollout(id)
  if (isMaking === (now.is === 'planning')) return false
  draft.turn(id, { is: isMaking ? 'planning' : 'planned' }, '')
  return true
}
