import { isSilent, type Move, type Scene } from './scene.ts'

/** Silent for longer than its host may take, or no host of this fleet any more. Neither is guessed about. */
export function unheardOf(scene: Scene): Move | null {
  const { run, state } = scene
  if (!state.plan.hosts.has(run.host)) {
    const reason = 'it is no longer configured'
    return {
      to: { is: 'lost' },
      reason,
      more: { released: true, failure: run.failure ?? { step: run.now.is, reason } },
    }
  }
  if (!isSilent(scene)) return null
  const reason = `silent since it was ${run.now.is}: it has gone back by itself, or it has not`
  return { to: { is: 'lost' }, reason, more: { failure: run.failure ?? { step: run.now.is, reason } } }
}
