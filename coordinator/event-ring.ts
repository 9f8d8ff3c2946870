import { wallMs } from '../daemon/clock.ts'
import type { FleetEvent } from '../protocol/api.ts'

/** The latest events of the fleet, and who listens to them. */
export interface EventRing {
  push(event: Omit<FleetEvent, 'id' | 'atMs'>): void
  /** Everything after the event `id`; all that is kept where `id` is not known any more. */
  since(id: string): readonly FleetEvent[]
  listen(listener: (event: FleetEvent) => void): () => void
}

export function createEventRing(instance: string, countMax = 1_000): EventRing {
  const prefix = instance.slice(0, 8)
  const listeners = new Set<(event: FleetEvent) => void>()
  let kept: FleetEvent[] = []
  let count = 0
  return {
    push(what) {
      count += 1
      const event = { ...what, id: `${prefix}-${count}`, atMs: wallMs() }
      kept.push(event)
      // Cut in steps, because moving the whole list at every event costs more than keeping it twice as long.
      if (kept.length > 2 * countMax) kept = kept.slice(-countMax)
      for (const listener of listeners) listener(event)
    },
    since(id) {
      const at = kept.findIndex((event) => event.id === id)
      return at === -1 ? kept.slice(-countMax) : kept.slice(at + 1)
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
