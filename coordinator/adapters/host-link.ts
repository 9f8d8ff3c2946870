import { GuardianError } from '../../protocol/errors.ts'
import { backoffMs } from './backoff.ts'
import type { LinkEvent, Session } from './session.ts'
import { claimSeen } from './superseding.ts'
import type { TimerWheel } from './timer-wheel.ts'
import type { Turns } from './turns.ts'

export interface Heartbeat {
  readonly everyMs: number
  readonly lostMs: number
}

export interface HostLinkParts {
  readonly host: string
  readonly open: (signal: AbortSignal) => Promise<Session>
  readonly emit: (event: LinkEvent) => void
  readonly wheel: TimerWheel
  readonly turns: Turns
  readonly heartbeat: () => Heartbeat
  readonly chance: () => number
  readonly onBug: (cause: unknown) => void
}

/** The link to one host, dialled again whenever it ends. */
export interface HostLink {
  /** The open session; null while there is none. */
  readonly session: Session | null
  /** Ends the session, if it still is this one, and dials again later. */
  end(link: string, reason: string): void
  /** Ends the session and dials again at once. */
  renew(reason: string): void
  /** Ends it for good. */
  stop(): void
}

// Dialling is bounded because handshakes are work; a peer that answers nothing is none and soon gives its turn up.
const turnMaxMs = 1_000
const steadyMs = 10_000

export function createHostLink(parts: HostLinkParts): HostLink {
  const { host, emit, wheel } = parts
  let session: Session | null = null
  let dialling: AbortController | null = null
  let cancelTimer: () => void = () => {}
  let attempt = 0
  let toldReason: string | null = null
  let upMs = 0
  let heardMs = 0

  async function dial(): Promise<void> {
    const controller = new AbortController()
    dialling = controller
    const endTurn = await parts.turns.take()
    const cancelTurn = wheel.after(turnMaxMs, endTurn)
    try {
      if (controller.signal.aborted) return
      const opened = await parts.open(controller.signal)
      if (controller.signal.aborted) opened.close()
      else start(opened)
    } catch (cause) {
      if (!controller.signal.aborted) missed(cause)
    } finally {
      cancelTurn()
      endTurn()
    }
  }

  function start(opened: Session): void {
    dialling = null
    session = opened
    toldReason = null
    upMs = heardMs = performance.now()
    emit(opened.up)
    // What was told may have ended it again.
    if (session !== opened) return
    cancelTimer()
    // Spread over the interval, so that a fleet that was dialled at once is not pinged at once.
    cancelTimer = wheel.after(parts.heartbeat().everyMs * parts.chance(), () => beat(opened))
    opened.listen({
      heard() {
        heardMs = performance.now()
      },
      closed: (reason) => ended(opened, reason),
    })
  }

  function beat(of: Session): void {
    const { everyMs, lostMs } = parts.heartbeat()
    const silentMs = performance.now() - heardMs
    if (silentMs >= lostMs && !of.isBusy) {
      of.close()
      ended(of, `silent for ${Math.round(silentMs / 1_000)} s`)
      return
    }
    if (!of.isBusy) void of.ping()
    const nextMs = of.isBusy ? everyMs : Math.min(everyMs, lostMs - silentMs)
    cancelTimer = wheel.after(nextMs, () => beat(of))
  }

  function ended(which: Session, reason: string): void {
    if (session !== which) return
    session = null
    cancelTimer()
    // A link that ends as soon as it is up must not be dialled in a tight circle.
    attempt = performance.now() - upMs >= steadyMs ? 0 : attempt + 1
    emit({ type: 'link-down', host, link: which.link, reason, seen: null })
    retry()
  }

  function missed(cause: unknown): void {
    dialling = null
    attempt += 1
    if (!(cause instanceof GuardianError)) {
      parts.onBug(cause)
      return
    }
    const reason = cause.message
    const seen = claimSeen(cause)
    if (reason !== toldReason || seen !== null) emit({ type: 'link-down', host, link: null, reason, seen })
    toldReason = reason
    retry()
  }

  function retry(): void {
    if (session !== null || dialling !== null) return
    cancelTimer()
    cancelTimer = wheel.after(backoffMs(Math.max(0, attempt - 1), parts.chance()), () => void dial())
  }

  function stop(): void {
    cancelTimer()
    dialling?.abort()
    const last = session
    session = null
    last?.close()
  }

  void dial()
  return {
    get session() {
      return session
    },
    end(link, reason) {
      if (session?.link !== link) return
      session.close()
      ended(session, reason)
    },
    renew(reason) {
      const last = session
      stop()
      if (last !== null) emit({ type: 'link-down', host, link: last.link, reason, seen: null })
      void dial()
    },
    stop,
  }
}
