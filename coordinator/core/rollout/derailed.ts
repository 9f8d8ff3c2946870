import type { JobReport } from '../../../protocol/v2/job.ts'
import { actionOf } from './kinds.ts'
import { toReverting } from './run-revert.ts'
import { factsOf, failed, type Move, type Scene } from './scene.ts'
import { unheardOf } from './unheard.ts'

/** What takes a host off its way, wherever it is between its slot and its commit. */
export function derailed(scene: Scene, wallMs: number): Move | null {
  const { run, rollout, job, atMs } = scene
  const unheard = unheardOf(scene)
  if (unheard !== null) return unheard
  const moved = job === null ? null : hasRebooted(scene, job) ? interrupted(scene, job) : byItself(scene, job)
  if (moved !== null) return moved
  if (run.back) return toReverting(scene, 'to go back, as was asked', wallMs)
  const isLate = run.slotMs !== null && atMs - run.slotMs >= rollout.policy.progressDeadline
  return isLate ? failed(scene, run.now.is, 'it was on its way for too long') : null
}

/** What the host did without being told. */
function byItself(scene: Scene, job: JobReport): Move | null {
  const { is } = scene.run.now
  if (job.is === 'failed') return failed(scene, is, job.reason)
  if (job.is === 'reverting' || job.is === 'reverted' || job.is === 'revert-failed')
    return failed(scene, is, `its host went back by itself: ${job.reason}`)
  if ((is === 'verifying' || is === 'undraining' || is === 'serving') && job.current !== job.system)
    return failed(scene, is, `it runs ${job.current ?? 'no known system'}`)
  return null
}

/**
 * Another boot than the one that was expected, before it was committed: it came up on what boots by default, which is the
 * old system.
 */
function hasRebooted({ rollout, run }: Scene, job: JobReport): boolean {
  if (job.is === 'committed' || job.is === 'committing') return false
  if (run.bootId !== null) return job.bootId !== run.bootId
  if (run.activated && actionOf(rollout, run) === 'reboot') return false
  return job.baselineBootId !== null && job.bootId !== job.baselineBootId
}

function interrupted({ run }: Scene, job: JobReport): Move {
  const reason = 'its host restarted before it was committed'
  return { to: { is: 'interrupted' }, reason, more: { failure: { step: run.now.is, reason }, facts: factsOf(job) } }
}
