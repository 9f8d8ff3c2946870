import * as v from 'valibot'
import { duration } from '../protocol/duration.ts'
import { unitName } from '../protocol/names.ts'
import { reasonOf } from './reason.ts'

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))
const host = v.pipe(v.string(), v.minLength(1), v.maxLength(255))
const pace = { every: v.optional(duration, '2s'), timeout: v.optional(duration, '3s') }

const postgresSpec = v.strictObject({
  type: v.literal('postgres'),
  /** A host name, an address, or the directory of the server's unix socket. */
  host: v.optional(host, 'localhost'),
  port: v.optional(port, 5432),
  /** Without an account of its own the probe cannot see whether the server is in recovery. */
  user: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(63))),
  database: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(63))),
  /** Holds the password of `user`, where the server wants one. */
  passwordFile: v.optional(v.string()),
  allowRecovery: v.optional(v.boolean(), false),
  ...pace,
})
export type PostgresSpec = v.InferOutput<typeof postgresSpec>

const redisSpec = v.strictObject({
  type: v.literal('redis'),
  /** A host name, an address, or the path of the server's unix socket. */
  host: v.optional(host, 'localhost'),
  port: v.optional(port, 6379),
  ...pace,
})
export type RedisSpec = v.InferOutput<typeof redisSpec>

const tcpSpec = v.strictObject({ type: v.literal('tcp'), host, port, ...pace })
export type TcpSpec = v.InferOutput<typeof tcpSpec>

const httpSpec = v.strictObject({
  type: v.literal('http'),
  url: v.pipe(v.string(), v.maxLength(2_000), v.regex(/^https?:\/\/[^\s]+$/, 'must be an http or https URL')),
  /** The one status that means ready; without it any of 200 to 399 does. */
  status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(599))),
  ...pace,
})
export type HttpSpec = v.InferOutput<typeof httpSpec>

const unitSpec = v.strictObject({ type: v.literal('unit'), unit: unitName, bus: v.optional(v.string()), ...pace })
export type UnitSpec = v.InferOutput<typeof unitSpec>

/** How one resource is asked whether it is ready. */
export const probeSpec = v.variant('type', [postgresSpec, redisSpec, tcpSpec, httpSpec, unitSpec])
export type ProbeSpec = v.InferOutput<typeof probeSpec>

export interface Verdict {
  readonly ready: boolean
  /** One line for a person. */
  readonly reason: string
}

export interface ProbeExtras {
  /** The ActiveState of a unit of this host; where it is missing, unit probes are never ready. */
  readonly unitState?: (unit: string) => Promise<string>
}

export interface Probe {
  stop(): void
  /** Asks now instead of at the end of the pause; nothing where it is asking already. */
  checkNow(): void
}

type Check = (spec: ProbeSpec, extras: ProbeExtras, signal: AbortSignal) => Promise<Verdict>

// Whoever waits for a resource wants to know soon; whoever has it can wait.
const unreadyPauseMs = 1_000

/** Asks at once and then every `every`, or more often while it is not ready; `told` hears each verdict, equal ones too. */
export function startProbe(spec: ProbeSpec, told: (verdict: Verdict) => void, extras: ProbeExtras): Probe {
  const stopped = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let asking = false

  async function ask(): Promise<void> {
    clearTimeout(timer)
    asking = true
    const verdict = await checkOnce(spec, extras, stopped.signal)
    asking = false
    if (stopped.signal.aborted) return
    timer = setTimeout(ask, verdict.ready ? spec.every : Math.min(spec.every, unreadyPauseMs))
    told(verdict)
  }

  void ask()
  return {
    stop() {
      clearTimeout(timer)
      stopped.abort()
    },
    checkNow() {
      if (!asking && !stopped.signal.aborted) void ask()
    },
  }
}

/** One question, answered within `timeout` whatever happens. */
export async function checkOnce(spec: ProbeSpec, extras: ProbeExtras, stopped: AbortSignal): Promise<Verdict> {
  const limit = new AbortController()
  const stop = (): void => limit.abort()
  stopped.addEventListener('abort', stop)
  const timer = setTimeout(stop, spec.timeout)
  try {
    const overdue = new Promise<Verdict>((resolve) => {
      limit.signal.addEventListener('abort', () => resolve({ ready: false, reason: `no answer in ${spec.timeout} ms` }))
    })
    return await Promise.race([check(spec, extras, limit.signal), overdue])
  } catch (cause) {
    return { ready: false, reason: reasonOf(cause) }
  } finally {
    clearTimeout(timer)
    stopped.removeEventListener('abort', stop)
    // Whatever the check still holds open goes with it.
    limit.abort()
  }
}

const check: Check = async (spec, extras, signal) => {
  switch (spec.type) {
    case 'postgres':
      return (await import('./probes/postgres.ts')).checkPostgres(spec, signal)
    case 'redis':
      return (await import('./probes/redis.ts')).checkRedis(spec, signal)
    case 'tcp':
      return (await import('./probes/tcp.ts')).checkTcp(spec, signal)
    case 'http':
      return (await import('./probes/http.ts')).checkHttp(spec, signal)
    case 'unit':
      return (await import('./probes/unit.ts')).checkUnit(spec, extras)
    default:
      return spec satisfies never
  }
}
