import { once } from 'node:events'
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
  /** Empty where the person, or the signal, ends the question instead of answering it. */
  ask(question: string, signal: AbortSignal): Promise<string>
  /** SIGINT, SIGTERM and SIGHUP. Returns how to stop listening. */
  onInterrupt(interrupt: () => void): () => void
  /** How long a coordinator that went away may take to come back. */
  readonly patienceMs: number
  /** The same in a rollout, which may rebuild and reboot the coordinator's own host. */
  readonly rebuildPatienceMs: number
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
    ask: askOnTerminal,
    onInterrupt(interrupt) {
      // Once only: a second Ctrl-C ends a command that does not end by itself.
      for (const signal of signals) process.once(signal, interrupt)
      return () => {
        for (const signal of signals) process.off(signal, interrupt)
      }
    },
    patienceMs: 10_000,
    rebuildPatienceMs: 20 * 60_000,
  }
}

async function askOnTerminal(question: string, signal: AbortSignal): Promise<string> {
  const { createInterface } = await import('node:readline/promises')
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  // At Ctrl-D the question itself is never settled.
  const closed = once(lines, 'close').then(() => null)
  const answered = lines.question(question, { signal }).catch((cause: unknown) => {
    if (cause instanceof Error && cause.name === 'AbortError') return null
    throw cause
  })
  try {
    const answer = await Promise.race([answered, closed])
    // A signal has ended the line already.
    if (answer === null && !signal.aborted) process.stdout.write('\n')
    return answer ?? ''
  } finally {
    lines.close()
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
