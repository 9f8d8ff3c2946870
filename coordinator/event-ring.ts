import { wallMs } from '../daemon/clock.ts'
import type { FleetEvent } from '../protocol/api.ts'

/** What an event says, without when and in which order. */
export type EventText = Omit<FleetEvent, 'id' | 'atMs'>

/** The latest events of the fleet, and who listens to them. */
export interface EventRing {
  /** `write` is asked for the words only once somebody reads them. */
  push(write: () => EventText): void
  /** Everything after the event `id`; all that is kept where `id` is not known any more. */
  since(id: string): readonly FleetEvent[]
  listen(listener: (event: FleetEvent) => void): () => void
}

interface Kept {
  readonly count: number
  readonly atMs: number
  readonly write: () => EventText
}

export function createEventRing(instance: string, countMax = 1_000): EventRing {
  const prefix = `${instance.slice(0, 8)}-`
  const listeners = new Set<(event: FleetEvent) => void>()
  let kept: Kept[] = []
  let count = 0
  const written = (event: Kept): FleetEvent => ({ ...event.write(), id: `${prefix}${event.count}`, atMs: event.atMs })
  return {
    push(write) {
      count += 1
      const event = { count, atMs: wallMs(), write }
      kept.push(event)
      // Cut in steps, because moving the whole list at every event costs more than keeping it half as long again.
      if (kept.length > 1.5 * countMax) kept = kept.slice(-countMax)
      if (listeners.size === 0) return
      const words = written(event)
      for (const listener of listeners) listener(words)
    },
    since(id) {
      const last = id.startsWith(prefix) ? Number(id.slice(prefix.length)) : 0
      return kept
        .slice(-countMax)
        .filter((event) => !(event.count <= last))
        .map(written)
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
