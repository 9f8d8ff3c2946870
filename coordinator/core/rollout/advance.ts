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
  for (const run of draft.runs(id)) while (moveRun(draft, id, run.host)) hasMoved = true
  return hasMoved
}

function moveRun(draft: Draft, id: string, host: string): boolean {
  const scene = sceneOf(draft, id, host)
  if (scene === null) return false
  const move = nextOf(scene, draft.moment.wallMs)
  if (move === null) return false
  draft.move(scene.run, move)
  // Nobody knows how it is there: no other host begins before somebody has looked.
  if (move.to.is === 'lost') pauseOn(draft, id, 'failure', `${host}: ${move.reason}`)
  return true
}

function sceneOf(draft: Draft, id: string, host: string): Scene | null {
  const run = draft.state.rollouts.runs.get(id)?.get(host)
  if (run === undefined) return null
  const seen = {
    state: draft.state,
    rollout: draft.rollout(id),
    run,
    job: jobOf(draft.state, run),
    atMs: draft.moment.atMs,
  }
  const verdict = verdictOf({ ...seen, streak: null })
  if (verdict !== null) draft.streak(run.job, verdict.ok)
  return { ...seen, state: draft.state, streak: draft.state.rollouts.streaks.get(run.job) ?? null }
}

function turn(draft: Draft, id: string): boolean {
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
