import type { CoordinatorConfig } from '../coordinator/config.ts'
import type { HostProgress } from '../protocol/api.ts'
import type { ErrorCode, GuardianError } from '../protocol/errors.ts'
import { parseSelector } from '../protocol/selector.ts'

/** What a gate's file says. */
export interface GateRecord {
  readonly state: 'up' | 'down'
  readonly seq: number
  readonly bootId: string
}

/**
 * The next record after `previous`; null is a file that is absent or unreadable. A `down` that is repeated is one run
 * and keeps its seq. All else counts from the boot's clock, so no seq of this boot is given twice: not that of a lost
 * file, nor that of a `down` which was told but could not be recorded, as an `up` after an `up` means.
 */
export function nextRecord(
  previous: GateRecord | null,
  state: GateRecord['state'],
  now: { readonly bootId: string; readonly monotonicMs: number },
): GateRecord {
  const { bootId, monotonicMs } = now
  if (previous?.bootId !== bootId) return { state, seq: Math.max(1, monotonicMs), bootId }
  if (previous.state === 'down' && state === 'down') return previous
  return { state, seq: Math.max(previous.seq + 1, monotonicMs), bootId }
}

export function holdIdOf(resource: string, { bootId, seq }: GateRecord): string {
  return `${resource}/${bootId}/${seq}`
}

/** The clock of one `gate down`, all on the boot's monotonic clock. */
export interface GateTimes {
  /** By when everything must have been said, so that the process is gone before systemd's limit. */
  readonly deadlineMs: number
  /** By when agents are to have answered: a little sooner, so that they can still say what is left. */
  readonly agentDeadlineMs: number
  /** From here on every wave is ordered at once. */
  readonly halfMs: number
}

const exitMarginMs = 2_000
const answerMarginMs = 500

export function timesOf(startedMs: number, gateLimitMs: number): GateTimes {
  const deadlineMs = Math.floor(startedMs + gateLimitMs - Math.min(exitMarginMs, gateLimitMs / 10))
  const agentDeadlineMs = Math.floor(deadlineMs - Math.min(answerMarginMs, gateLimitMs / 20))
  return { deadlineMs, agentDeadlineMs, halfMs: Math.floor(startedMs + gateLimitMs / 2) }
}

/** What a gate that went down does next. */
export type Decision =
  | { readonly do: 'follow'; readonly hold: string }
  | { readonly do: 'rest' }
  | { readonly do: 'direct'; readonly why: string }

export function afterAnswer(answer: { readonly hold: string | null }): Decision {
  return answer.hold === null ? { do: 'rest' } : { do: 'follow', hold: answer.hold }
}

/** Whatever the daemon's reason is, the database is about to stop: the agents are ordered without it. */
export function afterRefusal({ code, message }: GuardianError): Decision {
  const why = reasons[code] ?? 'the coordinator refuses'
  return { do: 'direct', why: `${why}: ${message}` }
}

const reasons: Partial<Readonly<Record<ErrorCode, string>>> = {
  'no-coordinator': 'the coordinator does not answer',
  superseded: 'the coordinator has been superseded',
  'not-local': 'the coordinator runs with another configuration, reload it',
  'unknown-resource': 'the coordinator runs with another configuration, reload it',
}

/** One target's hosts in the order in which they are drained. */
export interface TargetWaves {
  readonly target: string
  readonly waves: readonly (readonly string[])[]
  readonly waveLimitMs: number
}

/** All targets that need the resource, with their hosts; those that no wave names come after all waves. */
export function wavesOf(plan: CoordinatorConfig['plan'], resource: string): readonly TargetWaves[] {
  return [...plan.targets.values()]
    .filter(({ needs }) => needs.includes(resource))
    .map((target) => {
      const matchers = target.waves.map(parseSelector)
      const last = matchers.length
      const hosts = [...plan.hosts.values()].filter(({ targets }) => targets.includes(target.name))
      const waves = Array.from({ length: last + 1 }, (_, at) =>
        hosts.filter((host) => waveOf(matchers, host, last) === at).map(({ name }) => name),
      )
      return { target: target.name, waves: waves.filter((wave) => wave.length > 0), waveLimitMs: target.drainLimitMs }
    })
}

type Host = Parameters<ReturnType<typeof parseSelector>>[0]

function waveOf(matchers: readonly ((host: Host) => boolean)[], host: Host, last: number): number {
  const at = matchers.findIndex((matches) => matches(host))
  return at === -1 ? last : at
}

export interface WaveFacts {
  readonly atMs: number
  readonly sinceMs: number
  readonly halfMs: number
  readonly waveLimitMs: number
  /** How long a host that is gone keeps its wave waiting. */
  readonly graceMs: number
  readonly hosts: readonly Pick<HostProgress, 'is'>[]
}

/** Whether the next wave may be ordered. */
export function isWaveOver({ atMs, sinceMs, halfMs, waveLimitMs, graceMs, hosts }: WaveFacts): boolean {
  if (atMs >= halfMs || atMs - sinceMs >= waveLimitMs) return true
  const isPastGrace = atMs - sinceMs >= graceMs
  return hosts.every(({ is }) => is !== 'moving' && is !== 'waiting' && (is !== 'unreachable' || isPastGrace))
}
