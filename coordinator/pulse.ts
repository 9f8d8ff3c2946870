import type { Notify } from '../daemon/notify.ts'
import type { FleetState } from './core/state.ts'
import type { Engine } from './engine.ts'

const tickMs = 1_000

/** Ticks the core; as long as it answers, systemd hears that the daemon is alive and what it is doing. */
export function startPulse({ tell, read, rollouts }: Engine, notify: Notify): () => void {
  let said = ''
  async function beat(): Promise<void> {
    await tell({ type: 'tick' })
    rollouts.due()
    notify.alive()
    const status = statusOf(read())
    if (status !== said) notify.status(status)
    said = status
  }
  // A bug has gone to onBug already.
  const tick = (): void => void beat().catch(() => {})
  const timer = setInterval(tick, Math.min(tickMs, (notify.watchdogMs ?? tickMs * 3) / 3))
  tick()
  return () => clearInterval(timer)
}

export function statusOf({ hosts, plan, holds, superseded }: FleetState): string {
  if (superseded !== null) {
    return `superseded: ${superseded.host} has seen epoch ${superseded.seen.epoch}; see guardian coordinator takeover`
  }
  const up = [...hosts.values()].filter(({ link }) => link.is === 'up').length
  const all = up === plan.hosts.size ? '' : ` of ${plan.hosts.size}`
  return `${up}${all} host${plan.hosts.size === 1 ? '' : 's'} connected, ${holds.size} hold${holds.size === 1 ? '' : 's'}`
}
