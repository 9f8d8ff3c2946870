import type { FleetSave } from '../../coordinator/core/effect.ts'
import type { FleetHold, Superseded } from '../../coordinator/core/state.ts'
import type { Claim } from '../../protocol/authority.ts'
import { DiskFull } from './disk.ts'
import { Violation } from './trace.ts'

interface Row {
  readonly hold: FleetHold
  /** Boot whose monotonic clock the row's times are of. */
  readonly bootId: string
}

/** A coordinator's store: one transaction at a time, all or none, as coordinator/adapters/sqlite-store.ts keeps it. */
export class Store {
  claim: Claim | null = null
  superseded: Superseded | null = null
  awaiting: ReadonlySet<string> = new Set()
  full = false
  readonly rows = new Map<string, Row>()
  readonly released = new Set<string>()
  readonly owed = new Set<string>()

  /** Commits this start's epoch and says what was known. A superseded coordinator keeps its epoch. */
  open(instance: string, boot: { readonly id: string; readonly atMs: number }) {
    const before = this.claim
    if (this.full) throw new DiskFull('store')
    const epoch = (before?.epoch ?? 0) + (this.superseded === null ? 1 : 0)
    const claim = { epoch, instance, revision: before?.revision ?? 0 }
    this.claim = claim
    const holds = [...this.rows.values()].map((row) => readRow(row, boot))
    return {
      claim,
      superseded: this.superseded,
      awaiting: [...this.awaiting],
      holds,
      released: [...this.released],
      owedUndrain: [...this.owed],
    }
  }

  commit(save: FleetSave, bootId: string): void {
    if (this.full) throw new DiskFull('store')
    this.claim = save.claim
    this.superseded = save.superseded
    this.awaiting = new Set(save.awaiting)
    for (const hold of save.put) this.rows.set(hold.id, { hold: fitting(hold), bootId })
    for (const id of save.release) {
      this.rows.delete(id)
      this.released.add(id)
    }
    for (const { seat, owed } of save.owedUndrain) {
      if (owed) this.owed.add(seat)
      else this.owed.delete(seat)
    }
  }

  copy(): Store {
    const copy = new Store()
    copy.claim = this.claim
    copy.superseded = this.superseded
    copy.awaiting = this.awaiting
    for (const [id, row] of this.rows) copy.rows.set(id, row)
    for (const id of this.released) copy.released.add(id)
    for (const seat of this.owed) copy.owed.add(seat)
    return copy
  }
}

/** The columns take whole numbers only. */
function fitting(hold: FleetHold): FleetHold {
  const times = [hold.sinceMs, hold.rushAtMs, hold.end?.remainingMs, hold.end?.asOfMs]
  if (times.every((time) => time == null || Number.isSafeInteger(time))) return hold
  throw new Violation('bug', `a store cannot keep ${JSON.stringify(hold)}`)
}

// Another boot's monotonic clock says nothing about how much time has passed since.
function readRow({ hold, bootId }: Row, boot: { readonly id: string; readonly atMs: number }): FleetHold {
  const isSame = bootId === boot.id
  const end =
    hold.end === null ? null : { remainingMs: hold.end.remainingMs, asOfMs: isSame ? hold.end.asOfMs : boot.atMs }
  return { ...hold, persisted: true, end, rushAtMs: isSame ? hold.rushAtMs : null }
}
