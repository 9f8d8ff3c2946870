import { GuardianError } from '../../protocol/errors.ts'
import { backoffMs } from './backoff.ts'
import type { LinkEvent, Session, SessionListener } from './session.ts'
import type { TimerWheel } from './timer-wheel.ts'

export interface Heartbeat {
  readonly everyMs: number
  readonly lostMs: number
}

/** What the links to all hosts share. */
export interface HostLinkTools {
  readonly open: (host: string, signal: AbortSignal) => Promise<Session>
  readonly emit: (event: LinkEvent) => void
  readonly wheel: TimerWheel
  readonly heartbeat: () => Heartbeat
  readonly chance: () => number
  readonly onBug: (cause: unknown) => void
}

const steadyMs = 10_000

function nothing(): void {}

/** The link to one host, dialled again whenever it ends. */
export class HostLink implements SessionListener {
  readonly #host: string
  readonly #tools: HostLinkTools
  #session: Session | null = null
  #dialling: AbortController | null = null
  #cancelTimer: () => void = nothing
  #attempt = 0
  #toldReason: string | null = null
  #upMs = 0
  #heardMs = 0

  constructor(host: string, tools: HostLinkTools) {
    this.#host = host
    this.#tools = tools
    void this.#dial()
  }

  /** The open session; null while there is none. */
  get session(): Session | null {
    return this.#session
  }

  /** Ends the session, if it still is this one, and dials again later. */
  end(link: string, reason: string): void {
    const session = this.#session
    if (session?.link !== link) return
    session.close()
    this.closed(session, reason)
  }

  /** Ends the session, if there is one, and dials again at once. */
  renew(reason: string): void {
    const last = this.#session
    this.stop()
    if (last !== null) this.#emitDown(last.link, reason)
    void this.#dial()
  }

  /** Ends it for good. */
  stop(): void {
    this.#cancelTimer()
    this.#dialling?.abort()
    this.#dialling = null
    const last = this.#session
    this.#session = null
    last?.close()
  }

  heard(): void {
    this.#heardMs = performance.now()
  }

  closed(which: Session, reason: string): void {
    if (this.#session !== which) return
    this.#session = null
    // A link that ends as soon as it is up must not be dialled in a tight circle.
    this.#attempt = performance.now() - this.#upMs >= steadyMs ? 0 : this.#attempt + 1
    this.#emitDown(which.link, reason)
    this.#retry()
  }

  async #dial(): Promise<void> {
    const controller = new AbortController()
    this.#dialling = controller
    try {
      const opened = await this.#tools.open(this.#host, controller.signal)
      if (controller.signal.aborted) opened.close()
      else this.#start(opened)
    } catch (cause) {
      if (!controller.signal.aborted) this.#missed(cause)
    }
  }

  #start(opened: Session): void {
    this.#dialling = null
    this.#session = opened
    this.#toldReason = null
    this.#upMs = this.#heardMs = performance.now()
    opened.announce()
    // What was told may have ended it again.
    if (this.#session !== opened) return
    // Spread over the interval, so that a fleet that was dialled at once is not pinged at once.
    this.#beatAfter(this.#tools.heartbeat().everyMs * this.#tools.chance())
    opened.listen(this)
  }

  #beatAfter(ms: number): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#tools.wheel.after(ms, () => this.#beat())
  }

  #beat(): void {
    const session = this.#session
    if (session === null) return
    const { everyMs, lostMs } = this.#tools.heartbeat()
    const silentMs = performance.now() - this.#heardMs
    if (session.isBusy) {
      this.#beatAfter(everyMs)
    } else if (silentMs >= lostMs) {
      session.close()
      this.closed(session, `silent for ${Math.round(silentMs / 1_000)} s`)
    } else {
      void session.ping()
      this.#beatAfter(Math.min(everyMs, lostMs - silentMs))
    }
  }

  #missed(cause: unknown): void {
    this.#dialling = null
    this.#attempt += 1
    if (!(cause instanceof GuardianError)) {
      this.#tools.onBug(cause)
      return
    }
    const reason = cause.message
    if (reason !== this.#toldReason) this.#tools.emit({ type: 'link-down', host: this.#host, link: null, reason })
    this.#toldReason = reason
    this.#retry()
  }

  #emitDown(link: string, reason: string): void {
    this.#cancelTimer()
    this.#tools.emit({ type: 'link-down', host: this.#host, link, reason })
  }

  #retry(): void {
    if (this.#session !== null || this.#dialling !== null) return
    this.#cancelTimer()
    const delayMs = backoffMs(Math.max(0, this.#attempt - 1), this.#tools.chance())
    this.#cancelTimer = this.#tools.wheel.after(delayMs, () => void this.#dial())
  }
}
