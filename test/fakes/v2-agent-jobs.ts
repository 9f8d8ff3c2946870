import type { JobCommand, JobLog, JobReport, JobWant } from '../../protocol/v2/job.ts'

export const firstSystem = `/nix/store/${'0'.repeat(32)}-nixos-system-first`

/** How it answers a want: as it should, not at all, with a failure, or well except for its health. */
export type JobManner = 'well' | 'hang' | 'fail' | 'unwell'

interface Kept {
  report: JobReport
  timer: NodeJS.Timeout | undefined
}

const well = { settled: true, failed: [], looping: [], missing: [], probes: [] }

/** The jobs of a host that switches nothing, and says after `workMs` that it has. */
export class FakeJobs {
  current = firstSystem
  /** What its loader starts next. */
  profile = firstSystem
  /** When its switch failed last; null where none has. */
  failedAtMs: number | null = null
  /** What it was told, in order. */
  readonly wants: JobWant[] = []
  readonly #bootId: string
  readonly #workMs: number
  readonly #jobs = new Map<string, Kept>()
  readonly #manners = new Map<JobWant, JobManner>()

  constructor(bootId: string, workMs: number) {
    this.#bootId = bootId
    this.#workMs = workMs
  }

  get reports(): JobReport[] {
    return [...this.#jobs.values()].map(({ report }) => report)
  }

  /** From now on, until it is said otherwise. */
  behave(want: JobWant, manner: JobManner): void {
    this.#manners.set(want, manner)
  }

  stop(): void {
    for (const { timer } of this.#jobs.values()) clearTimeout(timer)
  }

  ordered(command: JobCommand, changed: () => void, say: (log: JobLog) => void): void {
    const { job, want } = command
    this.wants.push(want)
    const kept = this.#jobs.get(job) ?? { report: this.#begun(command), timer: undefined }
    this.#jobs.set(job, kept)
    const manner = this.#manners.get(want) ?? 'well'
    clearTimeout(kept.timer)
    if (manner === 'hang') return
    const work = (): void => {
      if (want === 'forgotten') this.#jobs.delete(job)
      else kept.report = this.#reached(kept.report, command, manner)
      if (want === 'active') say(switchLog(command))
      changed()
    }
    if (this.#workMs === 0) work()
    else kept.timer = setTimeout(work, this.#workMs)
  }

  #begun({ job, rollout, source }: JobCommand): JobReport {
    const system = source.mode === 'closure' ? source.system : `/nix/store/${'f'.repeat(32)}-${source.revision}`
    const none = {
      blockers: [],
      rebootReasons: [],
      touches: [],
      exit: null,
      deadManMs: null,
      health: null,
      action: null,
    }
    const paths = { system, previous: this.current, current: this.current, profile: this.profile }
    const boots = { bootId: this.#bootId, baselineBootId: null, bootOnce: true }
    return { job, rollout, is: 'prefetching', reason: '', ...none, ...paths, ...boots }
  }

  #reached(before: JobReport, { want, mode }: JobCommand, manner: JobManner): JobReport {
    const { system, previous } = before
    switch (want) {
      case 'prefetched': {
        const action = system === this.current ? 'noop' : mode === 'reboot' ? 'reboot' : 'live'
        if (manner === 'fail') return { ...before, is: 'blocked', reason: 'there is no room', action }
        return { ...before, is: 'prefetched', action }
      }
      case 'baselined':
        return { ...before, is: 'baselined', baselineBootId: this.#bootId }
      case 'active':
        if (manner === 'fail') {
          this.failedAtMs = performance.now()
          return { ...before, is: 'failed', reason: 'web.service failed', exit: 1, health: well }
        }
        this.current = system ?? ''
        return { ...this.#now(before), is: 'active', exit: 0, deadManMs: 900_000, health: healthBy(manner) }
      case 'committed':
        this.profile = system ?? ''
        return { ...this.#now(before), is: 'committed', deadManMs: null }
      case 'reverted':
        if (manner === 'fail') return { ...before, is: 'revert-failed', reason: 'the old system is gone' }
        this.current = this.profile = previous ?? ''
        return { ...this.#now(before), is: 'reverted', deadManMs: null, health: healthBy(manner) }
      case 'forgotten':
        return before
      default:
        return want satisfies never
    }
  }

  #now(report: JobReport): JobReport {
    return { ...report, current: this.current, profile: this.profile }
  }
}

function healthBy(manner: JobManner): JobReport['health'] {
  return manner === 'unwell' ? { ...well, failed: ['web.service'] } : well
}

/** What a switch writes, after the last line that has arrived. */
function switchLog({ job, logAfter }: JobCommand): JobLog {
  const texts = ['stopping the following units: web.service', 'starting the following units: web.service']
  const lines = texts.map((text, at) => ({ cursor: `s=${at}`, atMs: 1_700_000_000_000 + at, text }))
  const known = lines.findIndex(({ cursor }) => cursor === logAfter.switch)
  return {
    type: 'log',
    job,
    stream: 'switch',
    lines: known === lines.length - 1 ? lines.slice(-1) : lines.slice(known + 1),
  }
}
