import { createRegistry, type Registry } from '../daemon/metrics.ts'
import { showJobs } from './metrics/jobs.ts'
import { countNotes, type NoteMetrics } from './metrics/notes.ts'
import { type StateSource, showState } from './metrics/state.ts'

export interface AgentMetrics extends NoteMetrics {
  readonly registry: Registry
}

/** Everything that an agent tells of itself. */
export function createMetrics(source: StateSource, targets: readonly string[]): AgentMetrics {
  const registry = createRegistry()
  showState(registry, source)
  if (source.state().rebuilds !== null) showJobs(registry, source.state)
  return { registry, ...countNotes(registry, targets) }
}
