import type { HostProgress, ProgressState } from '../protocol/api.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { Hold } from '../protocol/hold.ts'
import { limits } from '../protocol/limits.ts'
import type { V1Action } from '../protocol/v1.ts'
import { type Response, standsOn } from '../protocol/v2/command.ts'
import type { AgentHello } from '../protocol/v2/hello.ts'
import type { Report, TargetReport } from '../protocol/v2/report.ts'
import { monotonicMs } from './clock.ts'
import { dialV1 } from './dial.ts'
import { type DirectHost, type DirectMandate, type DirectSession, openSession } from './direct-session.ts'

export type { DirectHost, DirectMandate } from './direct-session.ts'

/** Called with each change of one target of one host; the last one is the outcome. */
export type Told = (progress: HostProgress) => void

export interface DirectOrder {
  /** null means every target that the host has. */
  readonly targets: readonly string[] | null
  /** What a host is shown under as long as it has named no target; a v1 host never does. */
  readonly shownAs: string
}

/** How long a host that cannot be reached is dialled again, counted from the first attempt or from its loss. */
export interface Patience {
  readonly neverReachedMs: number
  readonly lostMs: number
}

const redialMs = 500

/** Takes the hold on the targets of one host and waits until each is drained, or the mandate's deadline has passed. */
export function drainDirect(
  host: DirectHost,
  mandate: DirectMandate & Patience,
  order: DirectOrder & { readonly hold: Hold },
  told: Told,
): Promise<readonly HostProgress[]> {
  if (host.protocol === 'v1') return orderV1(host, mandate, { action: 'drain', target: order.shownAs }, told)
  return withPatience(host, mandate, order, told, async (session) => {
    const drainOne = (target: string): Promise<HostProgress> =>
      commandOne(host, session, target, told, { action: 'drain', target, holds: [order.hold], release: [] })
    return Promise.all(targetsOf(host, session.hello, order.targets).map(drainOne))
  })
}

/**
 * Asks what holds stand, releases those that `releases` picks, and waits until the targets are open or it is known
 * what still holds them.
 */
export function undrainDirect(
  host: DirectHost,
  mandate: DirectMandate & Patience,
  order: DirectOrder & { readonly releases: (hold: Hold) => boolean },
  told: Told,
): Promise<readonly HostProgress[]> {
  if (host.protocol === 'v1') return orderV1(host, mandate, { action: 'undrain', target: order.shownAs }, told)
  return withPatience(host, mandate, order, told, async (session) => {
    const { targets } = await session.report()
    const undrainOne = (target: string): Promise<HostProgress> => {
      const holds = targets.find((report) => report.target === target)?.holds ?? []
      const release = holds.filter(order.releases).map(({ id }) => id)
      return commandOne(host, session, target, told, { action: 'undrain', target, release, allow: true })
    }
    return Promise.all(targetsOf(host, session.hello, order.targets).map(undrainOne))
  })
}

export interface DirectStatus {
  readonly hello: AgentHello
  readonly report: Report
  readonly roundTripMs: number
}

/** @throws GuardianError where the host cannot be asked */
export async function statusDirect(host: DirectHost, mandate: DirectMandate): Promise<DirectStatus> {
  using session = await openSession(host, mandate)
  const roundTripMs = await session.ping()
  return { hello: session.hello, report: await session.report(), roundTripMs }
}

/** Milliseconds of a round trip. @throws GuardianError where there is no answer */
export async function pingDirect(host: DirectHost, mandate: DirectMandate): Promise<number> {
  if (host.protocol === 'v1') {
    const startedMs = performance.now()
    await askV1(host, mandate, 'ping')
    return performance.now() - startedMs
  }
  using session = await openSession(host, mandate)
  return session.ping()
}

type Order = Parameters<DirectSession['command']>[0]

async function commandOne(
  host: DirectHost,
  session: DirectSession,
  target: string,
  told: Told,
  order: Order,
): Promise<HostProgress> {
  const at = { host: host.host, target } as const
  if (!session.hello.targets.includes(target)) {
    const has = session.hello.targets.join(', ') || 'none'
    return tell(told, { ...at, is: 'failed', reason: `has no target ${target}; it has ${has}`, units: [] })
  }
  told({ ...at, is: 'moving', reason: '', units: [] })
  const response = await session.command(order, (units) => {
    told({ ...at, is: 'moving', reason: clip(units.join(', ')), units: [...units] })
  })
  const isReleased = order.action === 'drain' && response.outcome === 'ok' && !standsOn(response, order.holds)
  return tell(told, { ...at, ...outcomeOf(response), ...(isReleased && released) })
}

const released = { is: 'failed', reason: 'somebody released its hold while it stopped' } as const

const states = {
  ok: 'done',
  held: 'held',
  failed: 'failed',
  deadline: 'deadline',
  'not-persisted': 'not-persisted',
  superseded: 'refused',
  stale: 'failed',
  replaced: 'failed',
} as const satisfies Record<Response['outcome'], ProgressState>

function outcomeOf({ outcome, message, units, report }: Response): Pick<HostProgress, 'is' | 'reason' | 'units'> {
  const failed = units.length > 0 ? `ended failed: ${units.join(', ')}` : ''
  const reason = outcome === 'ok' ? failed : message || (outcome === 'held' ? holdersOf(report) : '')
  return { is: states[outcome], reason: clip(reason), units }
}

function holdersOf(report: TargetReport | null): string {
  const holders = (report?.holds ?? []).map(({ id, owner }) => `${owner} (${id})`)
  return holders.length === 0 ? '' : `held by ${holders.join(', ')}`
}

function targetsOf(host: DirectHost, hello: AgentHello, wanted: DirectOrder['targets']): readonly string[] {
  if (wanted !== null) return wanted
  if (hello.targets.length > 0) return hello.targets
  throw new GuardianError('unknown-target', `${host.host} has no target`)
}

/** Does the work over one link after the other until it is done, refused, or time or patience has run out. */
async function withPatience(
  host: DirectHost,
  mandate: DirectMandate & Patience,
  order: DirectOrder,
  told: Told,
  work: (session: DirectSession) => Promise<readonly HostProgress[]>,
): Promise<readonly HostProgress[]> {
  let untilMs = monotonicMs() + mandate.neverReachedMs
  for (;;) {
    try {
      return await overOneLink(host, mandate, (session) => {
        untilMs = Number.POSITIVE_INFINITY
        return work(session)
      })
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      const progress = troubleOf(host, order.shownAs, cause)
      told(progress)
      if (untilMs === Number.POSITIVE_INFINITY) untilMs = monotonicMs() + mandate.lostMs
      if (!mayRedial(cause, mandate, untilMs)) return [progress]
      await pause(redialMs, mandate.signal)
    }
  }
}

// Apart from the loop: a `using` inside one is lowered so that an earlier turn's error is thrown again.
async function overOneLink<T>(
  host: DirectHost,
  mandate: DirectMandate,
  work: (session: DirectSession) => Promise<T>,
): Promise<T> {
  using session = await openSession(host, mandate)
  return await work(session)
}

/** A failure as the state of a host. */
export function troubleOf({ host }: DirectHost, target: string, cause: GuardianError): HostProgress {
  // Whoever shows it names the host before it.
  const reason = cause.message.startsWith(`${host}: `) ? cause.message.slice(host.length + 2) : cause.message
  return { host, target, is: stateOf(cause), reason: clip(reason), units: [] }
}

function mayRedial(cause: GuardianError, mandate: DirectMandate, untilMs: number): boolean {
  if (cause.code !== 'unreachable' || mandate.signal?.aborted === true) return false
  return monotonicMs() + redialMs < Math.min(untilMs, mandate.deadlineMs)
}

function stateOf(cause: GuardianError): ProgressState {
  if (cause.code === 'unreachable') return 'unreachable'
  if (cause.code === 'unauthorised' || cause.code === 'superseded') return 'refused'
  return cause.code === 'deadline' ? 'deadline' : 'failed'
}

async function orderV1(
  host: DirectHost,
  mandate: DirectMandate & Patience,
  order: { readonly action: V1Action; readonly target: string },
  told: Told,
): Promise<readonly HostProgress[]> {
  const at = { host: host.host, target: order.target, units: [] }
  const untilMs = monotonicMs() + mandate.neverReachedMs
  for (;;) {
    try {
      told({ ...at, is: 'moving', reason: '' })
      const text = await askV1(host, mandate, order.action)
      return [tell(told, { ...at, is: 'acknowledged', reason: clip(text) })]
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      const progress = troubleOf(host, order.target, cause)
      told(progress)
      if (!mayRedial(cause, mandate, untilMs)) return [progress]
      await pause(redialMs, mandate.signal)
    }
  }
}

async function askV1(host: DirectHost, mandate: DirectMandate, action: V1Action): Promise<string> {
  const [key] = host.keys
  if (key === undefined) throw new GuardianError('bad-key-file', `no key for the v1 host ${host.host}`)
  const leftMs = (): number => Math.max(1, mandate.deadlineMs - monotonicMs())
  const { address, port } = host
  const options = { address, port, key, limitMs: Math.min(5_000, leftMs()) }
  const link = await dialV1({ ...options, ...(mandate.signal && { signal: mandate.signal }) })
  try {
    const { ok, text } = await link.request(action, leftMs())
    if (ok) return text
    const lost = await Promise.race([link.closed, Promise.resolve(null)])
    if (lost !== null) throw new GuardianError('unreachable', `the link was lost: ${lost}`)
    throw new GuardianError(monotonicMs() >= mandate.deadlineMs ? 'deadline' : 'held', text)
  } finally {
    link.close()
  }
}

function tell(told: Told, progress: HostProgress): HostProgress {
  told(progress)
  return progress
}

// A person's terminal shows it: no control characters, and no longer than a message may be.
function clip(text: string): string {
  const plain = text.replaceAll(/\p{Cc}/gu, ' ')
  return plain.length <= limits.messageLength ? plain : `${plain.slice(0, limits.messageLength - 1)}…`
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms)
    function end(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    signal?.addEventListener('abort', end)
  })
}
