import type { AgentLinks } from './adapters/agent-links.ts'
import type { FleetEffect, FleetNote } from './core/effect.ts'
import type { OrderMeter } from './metrics/orders.ts'
import type { RolloutRoom } from './rollouts.ts'

/** Carries out what the core decided; nothing of it waits. */
export function performer(parts: {
  /** null before the links are open, when no effect has a link to go to. */
  readonly links: () => AgentLinks | null
  readonly orders: OrderMeter
  readonly note: (note: FleetNote) => void
  readonly rollouts: Pick<RolloutRoom, 'commandOf' | 'perform'>
}): (effect: FleetEffect) => void {
  return (effect) => {
    switch (effect.type) {
      case 'send':
        parts.orders.sent(effect.host, effect.message)
        parts.links()?.send(effect.host, effect.link, effect.message)
        break
      case 'send-v1':
        parts.links()?.sendV1(effect.host, effect.link, effect.action)
        break
      case 'close':
        parts.links()?.end(effect.host, effect.link, effect.reason)
        break
      case 'note':
        parts.note(effect.note)
        // Every agent has refused the old claim, and would be dialled again only by and by.
        if (effect.note.what === 'taken-over') parts.links()?.hurry()
        break
      case 'send-job':
        parts.links()?.send(effect.host, effect.link, parts.rollouts.commandOf(effect.command))
        break
      case 'run-hook':
      case 'tell-outcome':
      case 'rollout-event':
        parts.rollouts.perform(effect)
        break
      default:
        effect satisfies never
    }
  }
}
