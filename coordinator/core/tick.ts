import { applied, type FleetStep, noted, saveOf, settle, v1Seats } from './change.ts'
import { overdueGateHolds } from './gates.ts'
import type { FleetState } from './state.ts'
import { remainingMs } from './wanted.ts'

const keepEndEveryMs = 60_000

/** Once a second: holds that end, holds that the store refused before, waves, and orders to send again. */
export function ticked(state: FleetState, atMs: number): FleetStep {
  const live = [...state.holds.values()]
  const expired = live.filter((hold) => remainingMs(hold, atMs) === 0)
  const overdue = overdueGateHolds(state)
  const release = [...new Set([...expired, ...overdue].map((hold) => hold.id))]
  const kept = live.filter((hold) => !release.includes(hold.id))
  const unsaved = kept.filter((hold) => !hold.persisted).map((hold) => ({ ...hold, persisted: true }))
  const aged = kept.flatMap((hold) => {
    const leftMs = remainingMs(hold, atMs)
    const isDue = hold.persisted && atMs - (hold.end?.asOfMs ?? atMs) >= keepEndEveryMs
    return leftMs !== null && isDue ? [{ ...hold, end: { remainingMs: leftMs, asOfMs: atMs } }] : []
  })
  if (release.length + unsaved.length + aged.length === 0) {
    const next = settle(state, atMs, [])
    return { save: null, next, otherwise: next }
  }
  // Whom the store refused to know as drained is written with the hold, known to memory or not.
  const owe = v1Seats(state, unsaved).map((seat) => ({ seat, owed: true }))
  const change = { put: [...unsaved, ...aged], release, owe, isQuiet: release.length + unsaved.length === 0 }
  const after = applied(state, change)
  const effects = noted(
    ...expired.map(({ id, owner }) => ({ what: 'hold-expired' as const, hold: id, owner })),
    ...overdue.map(({ id, owner }) => ({ what: 'hold-released' as const, hold: id, owner })),
  )
  return { save: saveOf(after, change), next: settle(after, atMs, effects), otherwise: settle(state, atMs, []) }
}
