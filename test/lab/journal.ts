import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as v from 'valibot'

/** A line of a host's journal. All hosts share the clock of one kernel, so lines of several can be put in order. */
export interface Entry {
  readonly host: string
  /** Microseconds since 1970. */
  readonly at: number
  /** Who wrote it, as `systemd`, `postgres` or `guardian`. */
  readonly by: string
  /** The unit whose process wrote it, or that systemd writes about. */
  readonly unit: string
  readonly text: string
  /** What kind of line it is, where its writer says so. */
  readonly kind: string
  /** What guardian adds: `event`, `host`, `target`, … */
  readonly fields: Readonly<Record<string, string>>
}

// A field that stands twice in a line is a list, and one that is no text a list of bytes.
const field = v.pipe(
  v.unknown(),
  v.transform((value) => (Array.isArray(value) ? value.join(' ') : `${value ?? ''}`)),
)
const line = v.pipe(v.string(), v.parseJson(), v.record(v.string(), field))

/** What a host wrote since a moment, oldest first; also of a host that is switched off. */
export async function readJournal(host: { readonly name: string; readonly root: string }, sinceUs: number) {
  const args = ['--directory', `${host.root}/var/log/journal`, '--output', 'json', '--no-pager', '--all']
  const since = `--since=@${Math.floor(sinceUs / 1e6)}`
  const { stdout } = await promisify(execFile)('journalctl', [...args, since], { maxBuffer: 256 << 20 })
  const entries = stdout
    .split('\n')
    .filter(Boolean)
    .map((text) => entryOf(host.name, v.parse(line, text)))
  return entries.filter(({ at }) => at >= sinceUs)
}

function entryOf(host: string, from: Readonly<Record<string, string>>): Entry {
  const fields = Object.entries(from).flatMap(([name, value]) => {
    return name.startsWith('GUARDIAN_') ? [[name.slice('GUARDIAN_'.length).toLowerCase(), value] as const] : []
  })
  return {
    host,
    // When it was sent, where that is known: a busy journald reads late.
    at: Number(from._SOURCE_REALTIME_TIMESTAMP ?? from.__REALTIME_TIMESTAMP),
    by: from.SYSLOG_IDENTIFIER ?? '',
    unit: from.UNIT ?? from._SYSTEMD_UNIT ?? '',
    text: from.MESSAGE ?? '',
    kind: from.MESSAGE_ID ?? '',
    fields: Object.fromEntries(fields),
  }
}
