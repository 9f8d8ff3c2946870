import { createRequire } from 'node:module'
import { type DestinationStream, type Logger, pino, symbols } from 'pino'
import { type JournalSend, openJournal } from './journald.ts'
import { messageIds } from './message-ids.ts'

/** `log.info({ host, target, hold, event: 'drained' }, 'drained')`: fields first, a constant message. */
export type Log = Logger

/** Writes to the journal with fields where stderr is the journal, for people on a terminal, as JSON lines elsewhere. */
export function createLog({ name, level = 'info' }: { readonly name: string; readonly level?: string }): Log {
  const journal = openJournal()
  if (journal !== null) return createJournalLog(journal, level)
  return pino({ level, base: { name } }, openDestination())
}

export function createJournalLog(send: JournalSend, level: string): Log {
  // The unit names it.
  return pino({ level, base: null }, journalDestination(send))
}

function openDestination(): DestinationStream {
  if (process.stderr.isTTY) return openPretty() ?? pino.destination({ fd: 2, sync: true })
  return pino.destination({ fd: 2, sync: true })
}

type Pretty = (options: { readonly destination: number; readonly sync: boolean }) => DestinationStream

function openPretty(): DestinationStream | null {
  try {
    const pretty: Pretty = createRequire(import.meta.url)('pino-pretty')
    return pretty({ destination: 2, sync: true })
  } catch {
    return null
  }
}

/** The last line's parts, which pino leaves on a destination that asks for them. */
interface JournalDestination extends DestinationStream {
  readonly [symbols.needsMetadataGsym]: true
  lastLevel?: number
  lastObj?: object | null
  lastLogger?: Logger
  lastMsg?: string
}

function journalDestination(send: JournalSend): DestinationStream {
  const destination: JournalDestination = {
    [symbols.needsMetadataGsym]: true,
    write() {
      const { lastLevel = 30, lastObj, lastLogger, lastMsg = '' } = destination
      // What a child logger is bound to stands in no line.
      const fields = { ...lastLogger?.bindings(), ...lastObj }
      send(priorityOf(lastLevel), sentence(lastMsg, fields), journalFields(fields))
    },
  }
  return destination
}

function priorityOf(level: number): number {
  if (level >= 60) return 2
  if (level >= 50) return 3
  if (level >= 40) return 4
  return level >= 30 ? 6 : 7
}

/** `host web1 drained` reads better in `journalctl` than a bare `drained`, which is why the fields follow the message. */
export function sentence(message: string, fields: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(fields).flatMap(([name, value]) => {
    if (name === 'event' || value === undefined || value === null || value === '') return []
    if (value instanceof Error) return [`${name}=${JSON.stringify(value.message)}`]
    return [`${name}=${plain(value)}`]
  })
  return [message, ...shown].join(' ')
}

/** `GUARDIAN_HOST=web1` for `host`, so that `journalctl GUARDIAN_HOST=web1` finds it. */
export function journalFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const result: Record<string, string> = { SYSLOG_IDENTIFIER: 'guardian' }
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue
    result[`GUARDIAN_${name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}`] =
      value instanceof Error ? (value.stack ?? value.message) : plain(value)
  }
  const messageId = messageIds[String(fields.event)]
  if (messageId !== undefined) result.MESSAGE_ID = messageId
  return result
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
}
