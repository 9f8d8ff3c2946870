import { wallMs } from '../../daemon/clock.ts'
import { checkOnce, type Verdict } from '../../daemon/probe.ts'
import { reasonOf } from '../../daemon/reason.ts'
import { createTurnstile, type Turnstile } from '../../daemon/turnstile.ts'
import type { GateCheck, HealthProbe } from '../../protocol/rollout/policy.ts'
import type { Condition } from '../core/rollout/conditions.ts'
import { runChild } from './child.ts'
import { askPrometheus } from './promql.ts'
import { lookAtWindow } from './window-now.ts'

export interface ConditionsOptions {
  /** The address of a Prometheus; null where none is configured. */
  readonly prometheus: () => string | null
  readonly told: (key: string, ok: boolean, reason: string) => void
  readonly everyMs?: number
  readonly limitMs?: number
}

/** What rollouts wait for, looked at as long as it is wanted. One that cannot be told is closed, with its reason. */
export interface Conditions {
  /** Replaces what is looked at: what is new at once, what is not wanted any more never again. */
  want(wanted: readonly Condition[]): void
  close(): void
}

// A program a host for a whole fleet at once would be a load that nobody meant.
const childrenMax = 16

export function createConditions(options: ConditionsOptions): Conditions {
  const { prometheus, told, everyMs = 2_000, limitMs = 5_000 } = options
  const stops = new Map<string, () => void>()
  const door = createTurnstile(childrenMax, 2 * limitMs)

  function watch(condition: Condition): () => void {
    const stopped = new AbortController()
    const { signal } = stopped
    let timer: NodeJS.Timeout | undefined
    async function look(): Promise<void> {
      const { ready, reason } = await lookAt(condition, { prometheus: prometheus(), limitMs, door, signal })
      // What was found before it was wanted again says nothing.
      if (signal.aborted) return
      timer = setTimeout(look, everyMs)
      told(condition.key, ready, reason)
    }
    void look()
    return () => {
      clearTimeout(timer)
      stopped.abort()
    }
  }

  function want(wanted: readonly Condition[]): void {
    const keys = new Set(wanted.map(({ key }) => key))
    for (const [key, stop] of stops) {
      if (keys.has(key)) continue
      stop()
      stops.delete(key)
    }
    for (const condition of wanted) if (!stops.has(condition.key)) stops.set(condition.key, watch(condition))
  }

  return { want, close: () => want([]) }
}

interface Means {
  readonly prometheus: string | null
  readonly limitMs: number
  readonly door: Turnstile
  readonly signal: AbortSignal
}

async function lookAt(condition: Condition, means: Means): Promise<Verdict> {
  try {
    switch (condition.kind) {
      case 'window':
        return lookAtWindow(condition.window, wallMs())
      case 'check':
        return await ask(condition.check, {}, means)
      case 'probe':
        return await ask(probeOf(condition.probe, condition.host), { GUARDIAN_HOST: condition.host }, means)
      default:
        return condition satisfies never
    }
  } catch (cause) {
    return { ready: false, reason: reasonOf(cause) }
  }
}

type Question = GateCheck | { readonly tcp: { readonly address: string; readonly port: number } }

async function ask(
  question: Question,
  env: Readonly<Record<string, string>>,
  { prometheus, limitMs, door, signal }: Means,
): Promise<Verdict> {
  const pace = { every: limitMs, timeout: limitMs }
  if ('http' in question) return await checkOnce({ type: 'http', url: question.http, ...pace }, {}, signal)
  if ('tcp' in question) {
    const { address: host, port } = question.tcp
    return await checkOnce({ type: 'tcp', host, port, ...pace }, {}, signal)
  }
  if ('promql' in question) {
    if (prometheus === null) return { ready: false, reason: 'rebuilds.prometheus is not configured' }
    return await within(limitMs, signal, (limited) => askPrometheus(prometheus, question.promql, limited))
  }
  const leave = await door.enter(signal)
  const { ok, reason } = await runChild({ argv: question.exec, env, limitMs, signal }).finally(leave)
  return { ready: ok, reason }
}

async function within<T>(limitMs: number, stopped: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController()
  const stop = (): void => limit.abort()
  const timer = setTimeout(() => limit.abort(new Error(`no answer in ${limitMs} ms`)), limitMs)
  stopped.addEventListener('abort', stop)
  try {
    return await work(limit.signal)
  } finally {
    clearTimeout(timer)
    stopped.removeEventListener('abort', stop)
  }
}

/** What is asked of one host; a probe of a unit only its agent can answer. */
function probeOf(probe: HealthProbe, host: string): Question {
  const named = (text: string): string => text.replaceAll('{host}', host)
  if ('http' in probe) return { http: named(probe.http) }
  if ('tcp' in probe) return { tcp: { ...probe.tcp, address: named(probe.tcp.address) } }
  if ('exec' in probe) return { exec: probe.exec.map(named) }
  if ('promql' in probe) return { promql: named(probe.promql) }
  throw new Error('only its agent can ask for a unit')
}
