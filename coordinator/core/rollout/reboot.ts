import { conditionOf } from './health.ts'
import { actionOf } from './kinds.ts'
import type { Scene } from './scene.ts'

export type Leave =
  | { readonly is: 'given' }
  | { readonly is: 'refused'; readonly until: 'window' | 'leave'; readonly reason: string }
  /** Nobody has looked at the window yet. */
  | { readonly is: 'unknown' }

export function windowKey(window: string): string {
  return `window ${window}`
}

/** Whether a host that needs a reboot may have it now; null of one that needs none. */
export function leaveToReboot({ state, rollout, run, atMs }: Scene): Leave | null {
  if (actionOf(rollout, run) !== 'reboot') return null
  const { activate, reboot } = rollout.policy
  if (activate.mode === 'live') return refused('it needs a reboot, and the policy switches hosts while they run')
  if (reboot.allow === 'never') return refused('it needs a reboot, and the policy allows none')
  if (reboot.allow === 'always' || rollout.options.allowReboot) return { is: 'given' }
  if (reboot.allow === 'ask' || reboot.window === undefined)
    return refused('it needs a reboot: start with --allow-reboot')
  const now = conditionOf(state, windowKey(reboot.window), atMs)
  if (now === null) return { is: 'unknown' }
  if (now.ok) return { is: 'given' }
  return { is: 'refused', until: 'window', reason: `it needs a reboot, and ${reboot.window} is not now` }
}

function refused(reason: string): Leave {
  return { is: 'refused', until: 'leave', reason }
}
