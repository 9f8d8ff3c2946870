import { fstatSync } from 'node:fs'
import { createRequire } from 'node:module'

const levels = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const

/** `priority` is syslog's, 0 to 7. */
export type JournalSend = (priority: number, message: string, fields: Readonly<Record<string, string>>) => void

type Native = Record<(typeof levels)[number], (message: string, fields: Readonly<Record<string, string>>) => void>

/** The way to structured journal entries; null where stderr is not the journal or the native package is missing. */
export function openJournal(): JournalSend | null {
  if (!stderrIsJournal()) return null
  try {
    const native: Native = createRequire(import.meta.url)('systemd-journald')
    return (priority, message, fields) => native[levels[priority] ?? 'info'](message, fields)
  } catch {
    return null
  }
}

// systemd.exec(5): a stderr that was redirected since does not match any more.
function stderrIsJournal(): boolean {
  const stream = process.env.JOURNAL_STREAM
  if (stream === undefined) return false
  try {
    const { dev, ino } = fstatSync(2)
    return stream === `${dev}:${ino}`
  } catch {
    return false
  }
}
