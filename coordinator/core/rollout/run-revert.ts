import { unwellBy, verdictOf } from './health.ts'
import { hasDrain, heldByOthers, holdFor, isDrained, isServing, openingMs } from './holding.ts'
import { activationMs, factsOf, isHeard, type Move, marginMs, type Scene, spentMs } from './scene.ts'
import { unheardOf } from './unheard.ts'

// `reverted` is said only of a host that was seen back: the previous system runs and is what boots, nothing has failed that had
// not before, and it is open again, or somebody else keeps it shut. Whatever cannot be shown ends in `revert-failed`, drained.

/** A host that never left its old system only has to hear so, and to be opened. */
export function toReverting(scene: Scene, reason: string, wallMs: number): Move {
  const { run } = scene
  if (!run.activated || !hasDrain(scene) || isDrained(scene))
    return { to: { is: 'reverting', step: 'switching' }, reason }
  return { to: { is: 'reverting', step: 'draining' }, reason, ...drainedAnew(scene, wallMs) }
}

function drainedAnew(scene: Scene, wallMs: number): Pick<Move, 'more' | 'put'> {
  const { run, state } = scene
  if (run.hold !== null && state.holds.has(run.hold)) return {}
  const put = holdFor(scene, wallMs)
  return { more: { hold: put.id, holds: run.holds + 1 }, put }
}

export function fromReverting(scene: Scene, wallMs: number): Move | null {
  const unheard = unheardOf(scene)
  if (unheard !== null) return unheard
  const { now } = scene.run
  if (now.is !== 'reverting') return null
  switch (now.step) {
    case 'draining':
      return draining(scene)
    case 'asking':
      return asking(scene, wallMs)
    case 'switching':
      return switching(scene, wallMs)
    case 'judging':
      return judging(scene, wallMs)
    case 'opening':
      return opening(scene, wallMs)
    default:
      return now.step satisfies never
  }
}

/** A revert waits for nobody for ever: what still runs is stopped by the switch. */
function draining(scene: Scene): Move | null {
  const isLate = spentMs(scene) >= scene.rollout.policy.drain.deadline
  if (!isDrained(scene) && !isLate) return null
  return { to: { is: 'reverting', step: 'switching' }, reason: scene.run.reason }
}

/** What it said of the time before says nothing. */
function asking(scene: Scene, wallMs: number): Move | null {
  const { run, job } = scene
  if (job?.is === 'reverting' || job?.is === 'reverted')
    return { to: { is: 'reverting', step: 'switching' }, reason: run.reason }
  return inTime(scene) ? null : stuck(scene, wallMs, job?.reason ?? 'it did not go back in time')
}

/** Silence is another rule's matter. */
function inTime(scene: Scene): boolean {
  return !isHeard(scene) || spentMs(scene) < activationMs(scene) + marginMs
}

function switching(scene: Scene, wallMs: number): Move | null {
  const { run, job } = scene
  if (job === null) return inTime(scene) ? null : stuck(scene, wallMs, 'it knows nothing of its job')
  const more = { facts: factsOf(job) }
  if (job.is === 'reverted') {
    if (job.previous === null || job.current !== job.previous || job.profile !== job.previous)
      return stuck(
        scene,
        wallMs,
        `it runs ${job.current ?? 'no known system'} and boots ${job.profile ?? 'no known system'}`,
      )
    if (run.activated) return { to: { is: 'reverting', step: 'judging' }, reason: run.reason, more }
    return { to: { is: 'reverting', step: 'opening' }, reason: run.reason, more, release: true }
  }
  if (job.is === 'revert-failed') return stuck(scene, wallMs, job.reason)
  return inTime(scene) ? null : stuck(scene, wallMs, 'it did not go back in time')
}

function judging(scene: Scene, wallMs: number): Move | null {
  if (isSound(scene)) return { to: { is: 'reverting', step: 'opening' }, reason: scene.run.reason, release: true }
  if (spentMs(scene) < scene.rollout.policy.health.deadline) return null
  return stuck(scene, wallMs, `not as well as before: ${unwellBy(scene)}`)
}

function opening(scene: Scene, wallMs: number): Move | null {
  const { run, rollout, state, job } = scene
  const isBack = job !== null && (isServing(scene) || heldByOthers(scene).length > 0)
  if (isBack && (!run.activated || verdictOf(scene)?.ok === true))
    return { to: { is: 'reverted' }, reason: run.failure?.reason ?? run.reason, more: { slotMs: null, back: false } }
  if (spentMs(scene) < openingMs(state, run.host) + rollout.policy.health.deadline) return null
  return stuck(scene, wallMs, `not in service as before: ${isBack ? unwellBy(scene) : 'it did not open'}`)
}

function isSound({ streak, rollout, atMs }: Scene): boolean {
  return streak?.ok === true && atMs - streak.sinceMs >= rollout.policy.health.minHealthy
}

/** A person is needed, and until then it serves nobody. */
function stuck(scene: Scene, wallMs: number, reason: string): Move {
  const failure = scene.run.failure ?? { step: 'reverting', reason }
  const held = hasDrain(scene) ? drainedAnew(scene, wallMs) : {}
  return { to: { is: 'revert-failed' }, reason, ...held, more: { ...held.more, failure } }
}
