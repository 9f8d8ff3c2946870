import { createRegistry, type Registry } from '../daemon/metrics.ts'
import { countNotes, type NoteMetrics } from './metrics/notes.ts'
import { type StateSource, showState } from './metrics/state.ts'

export interface AgentMetrics extends NoteMetrics {
  readonly registry: Registry
}

/** Everything that an agent tells of itself. */
export function createMetrics(source: StateSource, targets: readonly string[]): AgentMetrics {
  const registry = createRegistry()
  showState(registry, source)
  return { registry, ...countNotes(registry, targets) }
}
