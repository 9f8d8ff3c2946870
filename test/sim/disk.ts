import type { AgentSave } from '../../agent/core/effect.ts'
import type { Opening, TargetRecord } from '../../agent/core/state.ts'
import type { Claim } from '../../protocol/authority.ts'
import type { Hold } from '../../protocol/hold.ts'

/** What ends a process in the middle of what it does. Everything that was not on disk is gone. */
export class Crash extends Error {
  override readonly name = 'Crash'
}

export class DiskFull extends Error {
  override readonly name = 'DiskFull'
}

/** An agent's state directory: each file is replaced whole and fsynced, so between two files there is an instant. */
export class AgentDisk {
  seen: Claim | null = null
  readonly markers = new Map<string, readonly Hold[]>()
  readonly openings = new Map<string, Opening>()
  full = false
  /** A directory cannot be synced: what was refused stands all the same. */
  unsynced = false

  /** `instant` is called between the files; what it throws (a crash) leaves what was written before. */
  save(save: AgentSave, instant: () => void): void {
    if (save.seen !== null) {
      this.#write(() => {
        this.seen = save.seen
      })
      instant()
    }
    if (save.record === null) return
    const { target, record } = save.record
    // No instant may have an open door: the marker goes up first and comes down last.
    if (record.marker === null) {
      this.#saveOpening(target, record.opening)
      instant()
      this.#change(() => this.markers.delete(target))
    } else {
      this.#saveMarker(target, record.marker)
      instant()
      this.#saveOpening(target, record.opening)
    }
  }

  recordOf(target: string): TargetRecord {
    return { marker: this.markers.get(target) ?? null, opening: this.openings.get(target) ?? null }
  }

  /** A marker that cannot be read counts as a hold that nobody gave; what it held is forgotten here. */
  damage(target: string, id: string): void {
    if (!this.markers.has(target)) return
    const lost = {
      id: `self/unreadable-${id}`,
      owner: 'self' as const,
      message: '',
      sinceMs: 0,
      selector: '*',
      except: [],
    }
    this.markers.set(target, [lost])
  }

  lose(): void {
    this.seen = null
    this.markers.clear()
    this.openings.clear()
  }

  #saveMarker(target: string, marker: readonly Hold[]): void {
    if (this.markers.get(target) === marker) return
    this.#write(() => this.markers.set(target, marker))
  }

  #saveOpening(target: string, opening: Opening | null): void {
    if (opening === null) this.#change(() => this.openings.delete(target))
    else this.#write(() => this.openings.set(target, opening))
  }

  #write(change: () => void): void {
    if (this.full) throw new DiskFull('no space left')
    this.#change(change)
  }

  #change(change: () => void): void {
    change()
    if (this.unsynced) throw new DiskFull('not synced')
  }
}
