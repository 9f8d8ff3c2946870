import { applied, type FleetStep, noted, saveOf, settle } from './change.ts'
import { overdueGateHolds } from './gates.ts'
import type { FleetState } from './state.ts'
import { remainingMs } from './wanted.ts'

const keepEndEveryMs = 60_000

/** Once a second: holds that end, holds that the store refused before, waves, and orders to send again. */
export function ticked(state: FleetState, atMs: number): FleetStep {
  const live = [...state.holds.values()]
  const expired = live.filter((hold) => remainingMs(hold, atMs) === 0)
  const overdue = overdueGateHolds(state)
  const release = [...new Set([...expired.map((hold) => hold.id), ...overdue])]
  const kept = live.filter((hold) => !release.includes(hold.id))
  const unsaved = kept.filter((hold) => !hold.persisted).map((hold) => ({ ...hold, persisted: true }))
  const aged = kept
    .filter((hold) => hold.persisted && hold.end !== null && atMs - hold.end.asOfMs >= keepEndEveryMs)
    .map((hold) => ({ ...hold, end: { remainingMs: remainingMs(hold, atMs) ?? 0, asOfMs: atMs } }))
  if (release.length + unsaved.length + aged.length === 0) {
    const next = settle(state, atMs, [])
    return { save: null, next, otherwise: next }
  }
  const change = { put: [...unsaved, ...aged], release, isQuiet: release.length + unsaved.length === 0 }
  const after = applied(state, change)
  const effects = noted(...expired.map((hold) => ({ what: 'hold-expired' as const, hold: hold.id, owner: hold.owner })))
  return { save: saveOf(after, change), next: settle(after, atMs, effects), otherwise: settle(state, atMs, []) }
}
