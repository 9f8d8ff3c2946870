import { isatty } from 'node:tty'

/** One of the process's outputs. */
export interface Terminal {
  readonly isTTY: boolean
  readonly columns: number
  readonly rows: number
  write(text: string): void
}

/** Everything outside that a command touches, but the coordinator and the agents. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: Terminal
  readonly err: Terminal
  /** Aborted when nobody reads stdout any more. */
  readonly unread: AbortSignal
  /** True where a person can be asked. */
  readonly canAsk: boolean
  ask(question: string): Promise<string>
  /** SIGINT, SIGTERM and SIGHUP. Returns how to stop listening. */
  onInterrupt(interrupt: () => void): () => void
  /** How long a coordinator that went away may take to come back. */
  readonly patienceMs: number
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export function processWorld(): World {
  const unread = new AbortController()
  process.stdout.on('error', (cause) => {
    ignoreClosedPipe(cause)
    unread.abort()
  })
  process.stderr.on('error', ignoreClosedPipe)
  return {
    env: process.env,
    out: terminalOf(process.stdout),
    err: terminalOf(process.stderr),
    unread: unread.signal,
    // Asked of the descriptor: `process.stdin` would load what reads from it.
    canAsk: isatty(0) && process.stdout.isTTY === true,
    async ask(question) {
      const { createInterface } = await import('node:readline/promises')
      const lines = createInterface({ input: process.stdin, output: process.stdout })
      try {
        return await lines.question(question)
      } finally {
        lines.close()
      }
    },
    onInterrupt(interrupt) {
      // Once only: a second Ctrl-C ends a command that does not end by itself.
      for (const signal of signals) process.once(signal, interrupt)
      return () => {
        for (const signal of signals) process.off(signal, interrupt)
      }
    },
    patienceMs: 10_000,
  }
}

// `guardian ctl status | head -3` is no failure.
function ignoreClosedPipe(cause: Error): void {
  if (!('code' in cause) || cause.code !== 'EPIPE') throw cause
}

function terminalOf(stream: NodeJS.WriteStream): Terminal {
  return {
    get isTTY() {
      return stream.isTTY === true
    },
    get columns() {
      return stream.isTTY === true ? stream.columns : 120
    },
    get rows() {
      return stream.isTTY === true ? stream.rows : 24
    },
    write: (text) => {
      stream.write(text)
    },
  }
}
