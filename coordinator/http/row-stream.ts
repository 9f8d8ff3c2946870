import type { EventStream } from './sse.ts'

interface Row {
  readonly seq: number
}

export interface Rows {
  readonly stream: EventStream
  /** Sent before all others. */
  readonly first: readonly Row[]
  /** Only what has a higher number. */
  readonly after: number
  readonly next: (after: number, limit: number) => readonly Row[]
  readonly listen: (listener: () => void) => () => void
  /** No more will come. */
  readonly isOver: () => boolean
}

const atOnce = 500

/** Sends what the store has and then what comes, in order and each once; a reader that lags reads on when it has caught up. */
export function followRows(
  { stream, first, next, listen, isOver, ...from }: Rows,
  onBug: (cause: unknown) => void,
): void {
  let { after } = from

  function send(rows: readonly Row[]): void {
    for (const row of rows) {
      stream.send(JSON.stringify(row), `${row.seq}`)
      after = Math.max(after, row.seq)
    }
  }

  function pump(): void {
    try {
      while (!stream.isBehind) {
        // Asked before the store is: what is written in between is not missed.
        const isLast = isOver()
        const rows = next(after, atOnce)
        send(rows)
        if (rows.length === atOnce) continue
        if (isLast) stream.end()
        return
      }
    } catch (cause) {
      stream.end()
      onBug(cause)
    }
  }

  stream.onEnd(listen(pump))
  stream.onRead(pump)
  send(first)
  pump()
}
