import { dutyState } from './core/duty.ts'
import type { AgentState } from './core/state.ts'
import type { AgentLoop } from './loop.ts'

const limitMs = 1_000

/**
 * Resolves once no target is draining. At a shutdown an agent is told to stop within milliseconds after the last
 * dependent has stopped: whoever waits for the drain is to learn it before the link goes.
 */
export async function lastWord(loop: Pick<AgentLoop, 'state' | 'watch'>): Promise<void> {
  if (!isDraining(loop.state)) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, limitMs)
    const unwatch = loop.watch((state) => {
      if (!isDraining(state)) done()
    })
    function done(): void {
      clearTimeout(timer)
      unwatch()
      resolve()
    }
  })
}

function isDraining({ duties, bootId }: AgentState): boolean {
  return [...duties.values()].some((duty) => dutyState(duty, bootId) === 'draining')
}
