interface Entry {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** The discrete-event queue: a binary heap in order of time, then of being scheduled. */
export class Schedule {
  nowMs = 0
  /** How many entries have run. */
  count = 0
  #heap: Entry[] = []
  #order = 0

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run)
  }

  at(atMs: number, run: () => void): void {
    this.#order += 1
    const entry = { atMs: Math.max(atMs, this.nowMs), order: this.#order, run }
    this.#rise(this.#heap.push(entry) - 1, entry)
  }

  /** Runs `run` again and again until it returns false. */
  every(spanMs: number, run: () => boolean): void {
    this.after(spanMs, () => {
      if (run()) this.every(spanMs, run)
    })
  }

  runUntil(endMs: number): void {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || first.atMs > endMs) break
      this.#takeFirst()
      this.nowMs = first.atMs
      this.count += 1
      first.run()
    }
    this.nowMs = endMs
  }

  #rise(from: number, entry: Entry): void {
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = this.#heap[above]
      if (other === undefined || !isBefore(entry, other)) break
      this.#heap[at] = other
      at = above
    }
    this.#heap[at] = entry
  }

  #takeFirst(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      let smaller = this.#heap[below]
      if (smaller === undefined) break
      const right = this.#heap[below + 1]
      if (right !== undefined && isBefore(right, smaller)) {
        below += 1
        smaller = right
      }
      if (!isBefore(smaller, last)) break
      this.#heap[at] = smaller
      at = below
    }
    this.#heap[at] = last
  }
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)
}
