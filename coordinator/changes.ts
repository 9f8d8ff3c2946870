/** Who waits for news of a subject. */
export interface Changes {
  wake(subject: string): void
  listen(subject: string, listener: () => void): () => void
}

export function createChanges(): Changes {
  const listeners = new Map<string, Set<() => void>>()
  return {
    wake(subject) {
      for (const listener of [...(listeners.get(subject) ?? [])]) listener()
    },
    listen(subject, listener) {
      const all = listeners.get(subject) ?? new Set()
      listeners.set(subject, all.add(listener))
      return () => {
        all.delete(listener)
        if (all.size === 0) listeners.delete(subject)
      }
    },
  }
}
