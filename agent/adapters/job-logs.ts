import { join } from 'node:path'
import { readAs } from '../../daemon/durable-file.ts'
import { planResult } from '../../protocol/rebuild.ts'
import type { JobLog, LogStream } from '../../protocol/v2/job.ts'
import type { WantedLog } from '../core/job-watch.ts'
import { type Journal, type LogLine, readJournal } from './job-journal.ts'

/** Brings what a job says to whoever ordered it, each line once and in order, from where the last link broke off. */
export interface JobLogs extends Disposable {
  want(logs: readonly WantedLog[]): void
}

export interface JobLogsParts {
  readonly resultsDir: string
  readonly send: (link: string, message: JobLog) => void
  readonly unsentBytes: (link: string) => number
}

const linesMax = 20
// JSON may make six bytes of one character.
const batchCharsMax = 8_000
const flushMs = 100
const lingerMs = 3_000
const againMs = 2_000
const unsentBytesMax = 256 * 1024

export function createJobLogs(parts: JobLogsParts): JobLogs {
  const tails = new Map<string, Tail>()
  return {
    want(logs) {
      const keys = new Set(logs.map(keyOf))
      for (const [key, tail] of tails) {
        if (keys.has(key)) continue
        tail.close()
        tails.delete(key)
      }
      for (const log of logs) {
        const key = keyOf(log)
        const tail = tails.get(key) ?? new Tail(log, parts)
        tails.set(key, tail)
        tail.want(log)
      }
    },
    [Symbol.dispose]() {
      for (const tail of tails.values()) tail.close()
    },
  }
}

const keyOf = ({ job, link }: WantedLog): string => `${job} ${link}`

/** One job's log on one link. */
class Tail {
  readonly #log: WantedLog
  readonly #parts: JobLogsParts
  #journal: Journal | null = null
  #is: WantedLog['journal'] = 'none'
  #after: string | null
  #hasPlan = false
  #isClosed = false
  #batch: LogLine[] = []
  #flush: NodeJS.Timeout | undefined
  #later: NodeJS.Timeout | undefined
  #failures = 0

  constructor(log: WantedLog, parts: JobLogsParts) {
    this.#log = log
    this.#parts = parts
    this.#after = log.after.switch
  }

  want({ hasPlan, journal }: WantedLog): void {
    if (hasPlan && !this.#hasPlan) {
      this.#hasPlan = true
      void this.#sendPlan()
    }
    if (journal === this.#is) return
    const wasFollowing = this.#is === 'follow'
    this.#is = journal
    if (journal === 'none') return
    // The last lines may still be on their way to the journal.
    if (wasFollowing) this.#later = setTimeout(() => this.#open(), lingerMs)
    else this.#open()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#later)
    this.#send()
    this.#journal?.[Symbol.dispose]()
  }

  #open(): void {
    clearTimeout(this.#later)
    this.#journal?.[Symbol.dispose]()
    if (this.#isClosed) return
    this.#journal = readJournal({
      job: this.#log.job,
      after: this.#after,
      follow: this.#is === 'follow',
      told: (line) => this.#take(line),
      ended: (code) => this.#ended(code),
    })
  }

  #ended(code: number | null): void {
    if (code === 0 && this.#is === 'rest') return
    this.#failures += 1
    // A journal that was cut knows the line no more; whoever gets lines again leaves those out that it has.
    if (this.#failures > 1) this.#after = null
    this.#later = setTimeout(() => this.#open(), againMs)
  }

  #take(line: LogLine): void {
    this.#failures = 0
    this.#after = line.cursor
    this.#batch.push(line)
    const chars = this.#batch.reduce((sum, { text }) => sum + text.length, 0)
    if (this.#batch.length >= linesMax || chars >= batchCharsMax) this.#send()
    else this.#flush ??= setTimeout(() => this.#send(), flushMs)
  }

  #send(): void {
    clearTimeout(this.#flush)
    this.#flush = undefined
    const lines = this.#batch
    this.#batch = []
    this.#sendLines('switch', lines)
    this.#breathe()
  }

  #sendLines(stream: LogStream, lines: LogLine[]): void {
    const { job, link } = this.#log
    if (lines.length > 0) this.#parts.send(link, { type: 'log', job, stream, lines })
  }

  /** Reads no further than the link takes. */
  #breathe(): void {
    if (this.#parts.unsentBytes(this.#log.link) <= unsentBytesMax) return
    this.#journal?.pause()
    const timer = setInterval(() => {
      if (!this.#isClosed && this.#parts.unsentBytes(this.#log.link) > unsentBytesMax) return
      clearInterval(timer)
      this.#journal?.resume()
    }, flushMs)
  }

  async #sendPlan(): Promise<void> {
    const { job, after } = this.#log
    const plan = await readAs(join(this.#parts.resultsDir, job, 'plan.json'), planResult).catch(() => null)
    if (plan === null || this.#isClosed) return
    const begin = after.plan === null ? 0 : Number(/^p\/(\d+)$/.exec(after.plan)?.[1] ?? -1) + 1
    let batch: LogLine[] = []
    for (const [at, text] of plan.lines.entries()) {
      if (at < begin) continue
      batch.push({ cursor: `p/${at}`, atMs: plan.atMs, text })
      if (batch.length < linesMax && batch.reduce((sum, line) => sum + line.text.length, 0) < batchCharsMax) continue
      this.#sendLines('plan', batch)
      batch = []
    }
    this.#sendLines('plan', batch)
  }
}
