import { derailed } from './derailed.ts'
import { unwellBy } from './health.ts'
import { heldByOthers, isServing, openingMs } from './holding.ts'
import { factsOf, failed, isHeard, type Move, marginMs, type Scene, spentMs } from './scene.ts'
import { unheardOf } from './unheard.ts'

// A host is committed only after it was judged twice: drained, by what it was before, and open, by its service. Each time it
// has to be well for `minHealthy` without a break. The coordinator's own host may commit itself: there the judge is its agent.

export function fromVerifying(scene: Scene, wallMs: number): Move | null {
  const off = derailed(scene, wallMs) ?? unwell(scene)
  if (off !== null) return off
  if (!isWell(scene)) return null
  if (scene.run.hold === null) return { to: { is: 'serving' }, reason: '' }
  return { to: { is: 'undraining' }, reason: '', release: true }
}

export function fromUndraining(scene: Scene, wallMs: number): Move | null {
  const off = derailed(scene, wallMs)
  if (off !== null) return off
  if (isServing(scene)) return { to: { is: 'serving' }, reason: '' }
  const others = heldByOthers(scene)
  if (scene.job !== null && others.length > 0)
    return { to: { is: 'serving' }, reason: `kept shut by ${others.join(', ')}: its service is not judged` }
  const limitMs = openingMs(scene.state, scene.run.host) + scene.rollout.policy.health.deadline
  return spentMs(scene) < limitMs ? null : failed(scene, 'undraining', 'it did not open in time')
}

export function fromServing(scene: Scene, wallMs: number): Move | null {
  const off = derailed(scene, wallMs) ?? unwell(scene)
  if (off !== null) return off
  return isWell(scene) ? { to: { is: 'committing' }, reason: '' } : null
}

export function fromCommitting(scene: Scene, wallMs: number): Move | null {
  const off = derailed(scene, wallMs)
  if (off !== null) return off
  const { job, rollout, streak } = scene
  if (job?.is === 'committed' && job.profile === job.system && job.current === job.system)
    return { to: { is: 'soaking' }, reason: '', more: { slotMs: null, facts: factsOf(job) } }
  // The word to commit may have been lost on its way: whoever is not well by then is not told again.
  if (job?.is === 'active' && streak?.ok === false) return { to: { is: 'serving' }, reason: unwellBy(scene) }
  if (!isHeard(scene) || spentMs(scene) < rollout.policy.activate.deadline + marginMs) return null
  return failed(scene, 'committing', 'it was not made the one that boots in time')
}

/** A host that only restarts something, or whose agent begins anew, is well again within this. */
const unwellMs = 30_000

/** Committed and in service. Until its stage is over it may still show that it is not well. */
export function fromSoaking(scene: Scene): Move | null {
  const { rollout, streak, atMs, job } = scene
  const unheard = unheardOf(scene)
  if (unheard !== null) return unheard
  if (job === null || streak === null || streak.ok) return null
  if (atMs - streak.sinceMs < Math.max(rollout.policy.health.minHealthy, unwellMs)) return null
  const reason = unwellBy(scene)
  const move = failed(scene, 'soaking', reason)
  return { ...move, more: { ...move.more, slotMs: atMs } }
}

/** One red begins the time anew. */
function isWell({ streak, rollout, atMs }: Scene): boolean {
  return streak?.ok === true && atMs - streak.sinceMs >= rollout.policy.health.minHealthy
}

function unwell(scene: Scene): Move | null {
  if (isWell(scene) || spentMs(scene) < scene.rollout.policy.health.deadline) return null
  return failed(scene, scene.run.now.is, `not well in time: ${unwellBy(scene)}`)
}
