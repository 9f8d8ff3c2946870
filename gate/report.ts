import type { HostProgress, ProgressState } from '../protocol/api.ts'

/** The lines of a log that a gate writes; pino's logger is one. */
export interface GateLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const words: Readonly<Record<ProgressState, string>> = {
  done: 'drained',
  moving: 'still draining',
  waiting: 'not yet ordered',
  unreachable: 'unreachable',
  refused: 'refused the order',
  failed: 'failed to drain',
  acknowledged: 'acknowledged the drain, which v1 cannot confirm',
  'not-persisted': 'drained, but could not save it',
  held: 'held',
  deadline: 'not drained in time',
}

/** Tells each host's fate once, as soon as it is known, and again only when it changes. */
export interface Reporter {
  show(hosts: readonly HostProgress[]): void
  /** The last word on every host that was ever shown. */
  readonly hosts: readonly HostProgress[]
  /** Names every host that is not drained, and sums up. */
  end(elapsedMs: number): void
}

export function createReporter(log: GateLog, resource: string): Reporter {
  const seats = new Map<string, HostProgress>()
  const all = (): readonly HostProgress[] => [...seats.values()]
  function tell(host: HostProgress): void {
    const fields = {
      resource,
      host: host.host,
      target: host.target,
      ...(host.reason !== '' && { reason: host.reason }),
    }
    if (host.is === 'done') log.info({ ...fields, event: 'drained' }, words.done)
    else log.warn(fields, words[host.is])
  }
  return {
    get hosts() {
      return all()
    },
    show(hosts) {
      for (const host of hosts) {
        const key = `${host.host}/${host.target}`
        const before = seats.get(key)
        seats.set(key, host)
        if (host.is !== 'moving' && host.is !== 'waiting' && host.is !== before?.is) tell(host)
      }
    },
    end(elapsedMs) {
      const missed = all().filter(({ is }) => is !== 'done')
      for (const host of missed) if (host.is === 'moving' || host.is === 'waiting') tell(host)
      const figures = { resource, drained: seats.size - missed.length, of: seats.size, ms: elapsedMs }
      if (missed.length === 0) log.info({ ...figures, event: 'gate-drained' }, 'drained')
      else {
        const names = [...new Set(missed.map(({ host }) => host))].join(', ')
        log.error({ ...figures, event: 'gate-incomplete', hosts: names }, 'not every host is drained')
      }
    },
  }
}
