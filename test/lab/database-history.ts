import type { Entry } from './journal.ts'

/** A change of what a database can do. */
interface Turn {
  readonly at: number
  readonly ready: boolean
}

const says: Readonly<Record<string, { readonly by: RegExp; readonly ready: RegExp; readonly gone: RegExp }>> = {
  postgresql: {
    by: /^postgres/,
    ready: /database system is ready to accept connections/,
    gone: /received (smart|fast|immediate) shutdown request|database system was (interrupted|not properly shut down)/,
  },
  redis: {
    by: /^redis/,
    ready: /Ready to accept connections/,
    gone: /Received SIG\w+ scheduling shutdown|User requested shutdown/,
  },
}

/** When a database could be used, told by itself and by the systemd that looks after it. */
export function turnsOf(journal: readonly Entry[], resource: string, unit: string): readonly Turn[] {
  const said = says[resource]
  if (said === undefined) return []
  return journal.flatMap((entry): Turn[] => {
    const { at, by, text } = entry
    if (said.by.test(by) && said.ready.test(text)) return [{ at, ready: true }]
    if (said.by.test(by) && said.gone.test(text)) return [{ at, ready: false }]
    const died = by === 'systemd' && entry.unit === unit && /Main process exited|Failed with result/.test(text)
    return died || isBoot(entry) ? [{ at, ready: false }] : []
  })
}

export function isReadyAt(turns: readonly Turn[], at: number): boolean {
  return turns.findLast((turn) => turn.at <= at)?.ready ?? false
}

// What was not said goodbye to, at a power cut, is gone too.
function isBoot({ by, text }: Entry): boolean {
  return by === 'systemd' && /^systemd \d+.* running in system mode/.test(text)
}
