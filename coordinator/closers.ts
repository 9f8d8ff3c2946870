/** Closes what was opened, last first, each whatever becomes of the others. */
export interface Closers {
  add(close: () => unknown): void
  close(): Promise<void>
}

export function createClosers(onBug: (cause: unknown) => void): Closers {
  const stack: (() => unknown)[] = []
  return {
    add: (close) => void stack.push(close),
    async close() {
      for (let close = stack.pop(); close !== undefined; close = stack.pop()) {
        try {
          await close()
        } catch (cause) {
          onBug(cause)
        }
      }
    },
  }
}
