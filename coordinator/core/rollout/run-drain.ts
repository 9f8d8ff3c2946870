import type { FleetState } from '../state.ts'
import { derailed } from './derailed.ts'
import { hasDrain, holdFor, isDrained } from './holding.ts'
import { factsOf, failed, type Move, type Scene, spentMs } from './scene.ts'

/** First the baseline, then the hold: what has failed before is to be known before anything stops. */
export function fromDraining(scene: Scene, wallMs: number): Move | null {
  const off = derailed(scene, wallMs)
  if (off !== null) return off
  return scene.run.hold === null ? baselining(scene, wallMs) : draining(scene)
}

function baselining(scene: Scene, wallMs: number): Move | null {
  const { run, job, rollout } = scene
  if (job?.is === 'blocked') return failed(scene, 'baseline', [job.reason, ...job.blockers].filter(Boolean).join('; '))
  if (job?.is === 'baselined') {
    if (!hasDrain(scene)) return toActivating(scene)
    const put = holdFor(scene, wallMs)
    return {
      to: { is: 'draining' },
      reason: 'its baseline is taken',
      more: { hold: put.id, holds: run.holds + 1, facts: factsOf(job) },
      put,
    }
  }
  if (spentMs(scene) < rollout.policy.drain.deadline) return null
  return failed(scene, 'baseline', 'its baseline was not taken in time')
}

function draining(scene: Scene): Move | null {
  const { drain } = scene.rollout.policy
  if (isDrained(scene)) return { to: { is: 'drained' }, reason: '' }
  if (spentMs(scene) < drain.deadline) return null
  if (drain.onDeadline === 'force')
    return { to: { is: 'drained' }, reason: 'not in time: what still runs is stopped by the switch' }
  return failed(scene, 'drain', 'it was not drained in time')
}

export function fromDrained(scene: Scene, wallMs: number): Move | null {
  return derailed(scene, wallMs) ?? toActivating(scene)
}

function toActivating({ state, run }: Scene): Move {
  const agents = run.host === state.plan.rebuilds.self ? linked(state) : null
  return { to: { is: 'activating' }, reason: '', more: { activated: true, agents } }
}

/** The local agent commits by itself once a new coordinator reaches as many. */
function linked({ hosts }: FleetState): number {
  return [...hosts.values()].filter(({ link, jobs }) => link.is === 'up' && jobs !== null).length
}
