import { Counter, Histogram, type Registry } from '../../daemon/metrics.ts'
import { type StrangerFailure, strangerFailures } from '../adapters/door-hall.ts'
import type { AgentNote } from '../core/effect.ts'

/** What has happened, counted. */
export interface NoteMetrics {
  count(note: AgentNote, atMs: number): void
  countFailure(reason: StrangerFailure): void
}

const results = ['ok', 'failed', 'deadline', 'replaced'] as const
const buckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

export function countNotes(registry: Registry, targets: readonly string[]): NoteMetrics {
  const registers = [registry]
  const moves = (what: 'drains' | 'undrains', help: string) => {
    const counter = new Counter({ name: `guardian_${what}_total`, help, labelNames: ['target', 'result'], registers })
    for (const target of targets) for (const result of results) counter.inc({ target, result }, 0)
    return counter
  }
  const spans = (name: string, help: string) =>
    new Histogram({ name, help, labelNames: ['target'], buckets, registers })
  const perTarget = (name: string, help: string) => {
    const counter = new Counter({ name, help, labelNames: ['target'], registers })
    for (const target of targets) counter.inc({ target }, 0)
    return counter
  }
  const drains = moves('drains', 'Drains by how they ended; deadline: somebody stopped waiting, the drain went on.')
  const undrains = moves('undrains', 'Openings by how they ended; deadline: somebody stopped waiting.')
  const drainSpans = spans('guardian_drain_duration_seconds', 'From the first stop to everything stopped.')
  const undrainSpans = spans('guardian_undrain_duration_seconds', 'From the first start to the target at rest.')
  const breaches = perTarget('guardian_breaches_total', 'Drained dependents that became active and were stopped again.')
  const drifts = perTarget('guardian_drifts_total', 'Stops of an open target that this agent did not order.')
  const notPersisted = perTarget('guardian_not_persisted_total', 'Drains whose marker the disk refused.')
  const failures = new Counter({
    name: 'guardian_auth_failures_total',
    help: 'Peers that were cut off before they had proved a key, by reason.',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of strangerFailures) failures.inc({ reason }, 0)
  const refused = new Counter({
    name: 'guardian_refused_total',
    help: 'Orders and greetings that were refused, by reason.',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of ['superseded', 'stale', 'unknown-target', 'bad-message']) refused.inc({ reason }, 0)
  const v1 = new Counter({
    name: 'guardian_v1_commands_total',
    help: 'Orders over protocol v1, by action.',
    labelNames: ['action'],
    registers,
  })
  for (const action of ['drain', 'undrain']) v1.inc({ action }, 0)
  return {
    count: createNoteCounter({
      drains,
      undrains,
      drainSpans,
      undrainSpans,
      breaches,
      drifts,
      notPersisted,
      refused,
      v1,
    }),
    countFailure: (reason) => failures.inc({ reason }),
  }
}

interface Counters {
  readonly drains: Counter
  readonly undrains: Counter
  readonly drainSpans: Histogram
  readonly undrainSpans: Histogram
  readonly breaches: Counter
  readonly drifts: Counter
  readonly notPersisted: Counter
  readonly refused: Counter
  readonly v1: Counter
}

function createNoteCounter(counters: Counters): NoteMetrics['count'] {
  const draining = new Map<string, number>()
  const opening = new Map<string, number>()
  return (note, atMs) => {
    switch (note.what) {
      case 'drain-started':
        if (opening.delete(note.target)) counters.undrains.inc({ target: note.target, result: 'replaced' })
        draining.set(note.target, atMs)
        return
      case 'opening-started':
        if (draining.delete(note.target)) counters.drains.inc({ target: note.target, result: 'replaced' })
        opening.set(note.target, atMs)
        return
      case 'drained':
        counters.drains.inc({ target: note.target, result: note.failed.length === 0 ? 'ok' : 'failed' })
        return observe(counters.drainSpans, draining, note.target, atMs)
      case 'opened':
        counters.undrains.inc({ target: note.target, result: note.failed.length === 0 ? 'ok' : 'failed' })
        return observe(counters.undrainSpans, opening, note.target, atMs)
      case 'deadline-passed':
        return (note.want === 'drained' ? counters.drains : counters.undrains).inc({
          target: note.target,
          result: 'deadline',
        })
      case 'breached':
        return counters.breaches.inc({ target: note.target })
      case 'drifted':
        return counters.drifts.inc({ target: note.target })
      case 'not-persisted':
        return counters.notPersisted.inc({ target: note.target })
      case 'refused':
        return counters.refused.inc({ reason: note.code })
      case 'v1-used':
        return counters.v1.inc({ action: note.action })
      case 'hold-taken':
      case 'hold-released':
      case 'claim-accepted':
      case 'job-ordered':
      case 'job-refused':
      case 'job-asked':
      case 'job-turned':
      case 'job-forgotten':
        return
      default:
        return note satisfies never
    }
  }
}

function observe(spans: Histogram, started: Map<string, number>, target: string, atMs: number): void {
  const since = started.get(target)
  started.delete(target)
  if (since !== undefined) spans.observe({ target }, (atMs - since) / 1_000)
}
