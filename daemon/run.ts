import { GuardianError } from '../protocol/errors.ts'

/** An open daemon. Closing it leaves nothing behind that would keep the process alive. */
export interface Running extends AsyncDisposable {
  /** SIGHUP. A GuardianError is told and the daemon goes on as it was. */
  reload?(): Promise<void>
}

const closeLimitMs = 10_000

/**
 * Opens a daemon and closes it at SIGTERM or SIGINT; the second signal kills, an overdue close too.
 * @throws what `open` threw, or the cause that the daemon died of, once it is closed
 */
export async function runUntilSignal(open: (die: (cause: unknown) => void) => Promise<Running>): Promise<void> {
  const ending = createEnding()
  // A microtask later, so that no signal comes before somebody listens for it.
  const opening = Promise.resolve(ending.die).then(open)
  const hup = reloader(opening, ending.die)
  process.on('SIGTERM', ending.onSignal).on('SIGINT', ending.onSignal).on('SIGHUP', hup)
  try {
    await using _running = await opening
    await ending.reached
  } finally {
    ending.closed()
    // A late SIGHUP would end by its default what has closed well.
    process.on('SIGHUP', () => {}).off('SIGHUP', hup)
    process.off('SIGTERM', ending.onSignal).off('SIGINT', ending.onSignal)
  }
}

function createEnding() {
  let begun = false
  let overdue: NodeJS.Timeout | undefined
  let finish: () => void = () => {}
  let fail: (cause: unknown) => void = () => {}
  const reached = new Promise<void>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  // A daemon may die while it still opens, when nobody waits for this promise yet.
  reached.catch(() => {})
  function begin(): void {
    begun = true
    overdue ??= setTimeout(() => {
      process.stderr.write(`closing takes longer than ${closeLimitMs / 1_000} s: giving up\n`)
      process.exit(1)
    }, closeLimitMs).unref()
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    if (begun) {
      process.off(signal, onSignal)
      process.kill(process.pid, signal)
      return
    }
    begin()
    finish()
  }
  const die = (cause: unknown): void => {
    begin()
    fail(cause)
  }
  return { reached, onSignal, die, closed: () => clearTimeout(overdue) }
}

/** One reload at a time; signals that arrive meanwhile are answered by one more. */
function reloader(opening: Promise<Running>, die: (cause: unknown) => void): () => void {
  let busy = false
  let again = false
  const run = async (): Promise<void> => {
    const running = await opening
    do {
      again = false
      await running.reload?.().catch((cause: unknown) => {
        if (!(cause instanceof GuardianError)) throw cause
        process.stderr.write(`not reloaded: ${cause.message}\n`)
      })
    } while (again)
  }
  return () => {
    again = true
    if (busy) return
    busy = true
    run()
      .catch(die)
      .finally(() => {
        busy = false
      })
  }
}
