import type { World } from '../../ctl/world.ts'

/** A terminal or a pipe whose output is kept, and a person who may press Ctrl-C. */
export interface FakeWorld extends World {
  readonly said: () => string
  readonly complained: () => string
  interrupt(): void
  /** Whoever read stdout goes away. */
  stopReading(): void
  /** What was asked of the person. */
  readonly asked: string[]
  /** Resolves when the text has been written to stdout. */
  saw(text: string): Promise<void>
}

export interface FakeWorldOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  readonly patienceMs?: number
  /** Null: nobody can be asked. */
  readonly answer?: string | null
}

export function fakeWorld(options: FakeWorldOptions = {}): FakeWorld {
  const { env = {}, isTTY = false, columns = 80, rows = 24, patienceMs = 500, answer = null } = options
  let out = ''
  let err = ''
  const interrupts = new Set<() => void>()
  const watchers = new Set<() => void>()
  const asked: string[] = []
  const unread = new AbortController()
  const terminal = (write: (text: string) => void) => ({ isTTY, columns, rows, write })
  return {
    env,
    asked,
    out: terminal((text) => {
      out += text
      for (const look of [...watchers]) look()
    }),
    err: terminal((text) => {
      err += text
    }),
    canAsk: answer !== null,
    ask: async (question) => {
      asked.push(question)
      return answer ?? ''
    },
    onInterrupt(interrupt) {
      interrupts.add(interrupt)
      return () => interrupts.delete(interrupt)
    },
    patienceMs,
    rebuildPatienceMs: patienceMs,
    unread: unread.signal,
    stopReading: () => unread.abort(),
    said: () => out,
    complained: () => err,
    interrupt() {
      for (const one of interrupts) one()
    },
    saw: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!out.includes(text)) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
      }),
  }
}
