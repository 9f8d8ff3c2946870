import { roomToReturn } from './budgets.ts'
import { jobIdOf } from './ids.ts'
import { toReverting } from './run-revert.ts'
import { factsOf, type Move, noFacts, type Scene } from './scene.ts'
import type { HostRun, Rollout } from './state.ts'

/** By the policy its host goes back, unless nothing may; a host that left its system by itself is helped home in any case. */
export function fromFailed(scene: Scene, wallMs: number): Move | null {
  const { run, job } = scene
  const isOnItsWay = job !== null && (job.is === 'reverting' || job.is === 'reverted' || job.is === 'revert-failed')
  if (!isOnItsWay && !run.back && !goesBack(scene)) return null
  // It was in service when it failed: to go back it has to leave it, like any other.
  if (run.failure?.step === 'soaking' && run.hold === null && roomToReturn(scene.state, run.host).is === 'full')
    return null
  return toReverting(scene, run.reason, wallMs)
}

function goesBack({ rollout, run }: Scene): boolean {
  if (run.failure?.step === 'drain' && rollout.policy.drain.onDeadline === 'hold') return false
  if (rollout.irreversible) return false
  return rollout.now.is === 'aborting' || rollout.policy.onFailure !== 'pause'
}

/** Only what the host says decides. */
export function fromLost(scene: Scene, wallMs: number): Move | null {
  const { state, job, run, atMs } = scene
  if (job === null || !state.plan.hosts.has(run.host)) return null
  const more: Partial<HostRun> = { facts: factsOf(job), released: false, slotMs: run.slotMs ?? atMs }
  if (job.is === 'committed' && job.profile === job.system && job.current === job.system && !run.back)
    return {
      to: { is: 'soaking' },
      reason: 'it had committed',
      more: { ...more, slotMs: null, failure: null },
      release: true,
    }
  const move = toReverting(scene, run.reason, wallMs)
  return { ...move, more: { ...more, ...move.more } }
}

export function fromInterrupted(scene: Scene, wallMs: number): Move {
  return toReverting(scene, scene.run.reason, wallMs)
}

/** Gone back in order to begin anew. */
export function fromReverted({ rollout, run }: Scene): Move | null {
  return run.again ? { to: { is: 'pending' }, reason: 'another attempt', more: anew(rollout, run) } : null
}

/** Another attempt is another job. */
export function anew(rollout: Rollout, run: HostRun): Partial<HostRun> {
  const attempt = run.attempt + 1
  return {
    ...{ attempt, job: jobIdOf(rollout.request, run.host, attempt), facts: noFacts, failure: null, wave: null },
    ...{ slotMs: null, hold: null, holds: 0, activated: false, bootId: null, agents: null },
    ...{ back: false, again: false, released: false },
  }
}
