import { derailed } from './derailed.ts'
import { actionOf } from './kinds.ts'
import { factsOf, failed, isHeard, type Move, marginMs, type Scene, spentMs } from './scene.ts'

export function fromActivating(scene: Scene, wallMs: number): Move | null {
  const off = derailed(scene, wallMs)
  if (off !== null) return off
  const { rollout, run, job } = scene
  if (job?.is === 'blocked')
    return failed(scene, 'activating', [job.reason, ...job.blockers].filter(Boolean).join('; '))
  if (job?.is === 'rebooting' && actionOf(rollout, run) === 'reboot')
    return { to: { is: 'rebooting' }, reason: run.facts.rebootReasons.join('; ') }
  return arrived(scene) ?? late(scene, rollout.policy.activate.deadline)
}

export function fromRebooting(scene: Scene, wallMs: number): Move | null {
  return derailed(scene, wallMs) ?? arrived(scene) ?? late(scene, scene.rollout.policy.reboot.deadline)
}

/** The switch unit's own word is not enough: the new system is the one that runs. */
function arrived(scene: Scene): Move | null {
  const { job } = scene
  if (job === null || (job.is !== 'active' && job.is !== 'committing' && job.is !== 'committed')) return null
  if (job.current !== job.system) return failed(scene, 'activating', `it runs ${job.current ?? 'no known system'}`)
  const reason = job.exit === null || job.exit === 0 ? '' : `switch-to-configuration ended with ${job.exit}`
  return { to: { is: 'verifying' }, reason, more: { bootId: job.bootId, facts: factsOf(job) } }
}

/** A host that is silent is on its way, or lost by another rule. */
function late(scene: Scene, limitMs: number): Move | null {
  if (!isHeard(scene) || spentMs(scene) < limitMs + marginMs) return null
  return failed(scene, scene.run.now.is, 'the new system did not run in time')
}
