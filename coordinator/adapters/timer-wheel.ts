/** Thousands of coarse timers on one real one. */
export interface TimerWheel {
  /** Runs `work` once, at most one turn after `delayMs`; the answer cancels it. */
  after(delayMs: number, work: () => void): () => void
  stop(): void
}

export function createTimerWheel(turnMs: number): TimerWheel {
  const slots = new Map<number, Set<() => void>>()
  const startMs = performance.now()
  let done = 0
  const timer = setInterval(() => {
    const now = Math.floor((performance.now() - startMs) / turnMs)
    // A machine that slept owes many turns at once; each is still run in its order.
    for (; done <= now; done += 1) {
      const slot = slots.get(done)
      slots.delete(done)
      for (const work of slot ?? []) work()
    }
  }, turnMs)
  return {
    after(delayMs, work) {
      const at = Math.max(done, Math.ceil((performance.now() - startMs + delayMs) / turnMs))
      const slot = slots.get(at) ?? new Set()
      // Two timers may share one function.
      const entry = (): void => work()
      slots.set(at, slot.add(entry))
      return () => slot.delete(entry)
    },
    stop() {
      clearInterval(timer)
      slots.clear()
    },
  }
}
