import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import * as v from 'valibot'
import { unitsOf } from '../../protocol/rebuild-units.ts'
import type { JobLog } from '../../protocol/v2/job.ts'

export type LogLine = JobLog['lines'][number]

const textMax = 2_000
const entry = v.object({
  __CURSOR: v.string(),
  __REALTIME_TIMESTAMP: v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number)),
  /** Bytes where they are no UTF-8. */
  MESSAGE: v.optional(v.nullable(v.union([v.string(), v.array(v.union([v.string(), v.number()]))])), ''),
})

/** One line of `journalctl -o json`; null where it is none. */
export function readEntry(line: string): LogLine | null {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), entry), line)
  if (!result.success) return null
  const { __CURSOR: cursor, __REALTIME_TIMESTAMP: us, MESSAGE: message } = result.output
  return { cursor, atMs: Math.floor(us / 1_000), text: textOf(message).slice(0, textMax) }
}

function textOf(message: v.InferOutput<typeof entry>['MESSAGE']): string {
  if (message === null) return ''
  if (typeof message === 'string') return message
  return message.every((part) => typeof part === 'number') ? Buffer.from(message).toString('utf8') : message.join(' ')
}

export interface JournalParts {
  readonly job: string
  /** Lines up to it are left out; null for all there are. */
  readonly after: string | null
  /** Whether more is waited for. */
  readonly follow: boolean
  readonly told: (line: LogLine) => void
  /** `code` is null where it was ended by us. */
  readonly ended: (code: number | null) => void
}

export interface Journal extends Disposable {
  pause(): void
  resume(): void
}

/** What the units of a job have said, in the words of the journal. */
export function readJournal({ job, after, follow, told, ended }: JournalParts): Journal {
  const child: ChildProcess = spawn('journalctl', argumentsFor(job, after, follow), {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let isClosed = false
  const end = (code: number | null): void => {
    if (!isClosed) ended(code)
    isClosed = true
  }
  if (child.stdout !== null) {
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => {
      const read = isClosed ? null : readEntry(line)
      if (read !== null) told(read)
    })
    child.once('error', () => end(127))
    child.once('close', (code) => end(code ?? 128))
  }
  return {
    pause: () => void child.stdout?.pause(),
    resume: () => void child.stdout?.resume(),
    [Symbol.dispose]() {
      isClosed = true
      child.kill()
    },
  }
}

function argumentsFor(job: string, after: string | null, follow: boolean): string[] {
  const own = unitsOf(job)
  const units = [own.switch, own.revert, ...own.deadMan.map((name) => `${name}.service`)]
  return [
    '--output=json',
    '--output-fields=MESSAGE',
    '--all',
    '--no-pager',
    '--quiet',
    '--lines=all',
    ...(after === null ? [] : [`--after-cursor=${after}`]),
    ...(follow ? ['--follow'] : []),
    // Between matches of one field is an "or".
    ...units.map((unit) => `_SYSTEMD_UNIT=${unit}`),
  ]
}
