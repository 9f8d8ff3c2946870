import type { Claim } from '../../protocol/authority.ts'
import type { Hold } from '../../protocol/hold.ts'
import type { Outcome } from '../../protocol/v2/command.ts'
import type { ClientHello } from '../../protocol/v2/hello.ts'
import type { DutyState, Report, TargetReport } from '../../protocol/v2/report.ts'
import type { AgentMessage, ClientMessage, Command } from '../../protocol/v2.ts'
import { FakeJobs } from './v2-agent-jobs.ts'

export interface FakeSocket {
  send(message: AgentMessage): void
  close(code: number): void
  terminate(): void
}

export interface FakePeer {
  message(message: ClientMessage, atMs: number): void
  closed(): void
}

export interface FakeAgentOptions {
  readonly host: string
  readonly targets: readonly string[]
  readonly bootId: string
  readonly workMs: number
  readonly seen: Claim | null
  /** It takes rebuilds. */
  readonly takesJobs: boolean
}

interface Duty {
  is: DutyState
  holds: readonly Hold[]
  timer: NodeJS.Timeout | undefined
}

/** One agent that does what it is told, after `workMs`. A test may make it silent, drop its links or outrank them. */
export class FakeAgent {
  readonly host: string
  /** What it was told, the latest 100. */
  readonly heard: ClientMessage[] = []
  /** null of an agent that takes no rebuilds. */
  readonly jobs: FakeJobs | null
  readonly #options: FakeAgentOptions
  readonly #duties: Map<string, Duty>
  readonly #sockets = new Set<FakeSocket>()
  #seen: Claim | null
  #isSilent = false
  #isDeaf = false

  constructor(options: FakeAgentOptions) {
    this.host = options.host
    this.#options = options
    this.jobs = options.takesJobs ? new FakeJobs(options.bootId, options.workMs) : null
    this.#seen = options.seen
    this.#duties = new Map(options.targets.map((name) => [name, { is: 'undecided', holds: [], timer: undefined }]))
  }

  get links(): number {
    return this.#sockets.size
  }

  get seen(): Claim | null {
    return this.#seen
  }

  stateOf(target: string): DutyState | null {
    return this.#duties.get(target)?.is ?? null
  }

  holdsOf(target: string): readonly Hold[] {
    return this.#duties.get(target)?.holds ?? []
  }

  /** From now on it reads and says nothing, as a host does whose power was cut. */
  silence(isSilent = true): void {
    this.#isSilent = isSilent
  }

  /** From now on it reads nothing, as where only what it is told is lost. */
  deafen(): void {
    this.#isDeaf = true
  }

  /** Another coordinator has been here. */
  outrank(seen: Claim): void {
    this.#seen = seen
  }

  dropLinks(): void {
    for (const socket of this.#sockets) socket.terminate()
  }

  /** As after a reboot that kept the markers, or as a test wants it. */
  put(target: string, is: DutyState, holds: readonly Hold[] = []): void {
    const duty = this.#duties.get(target)
    if (duty === undefined) return
    clearTimeout(duty.timer)
    Object.assign(duty, { is, holds })
    this.#report()
  }

  stop(): void {
    for (const { timer } of this.#duties.values()) clearTimeout(timer)
    this.jobs?.stop()
    this.dropLinks()
  }

  attach(socket: FakeSocket): FakePeer {
    this.#sockets.add(socket)
    return {
      message: (message, atMs) => {
        if (this.#isSilent || this.#isDeaf) return
        this.heard.push(message)
        if (this.heard.length > 100) this.heard.shift()
        this.#told(socket, message, atMs)
      },
      closed: () => this.#sockets.delete(socket),
    }
  }

  #told(socket: FakeSocket, message: ClientMessage, atMs: number): void {
    switch (message.type) {
      case 'hello':
        this.#greet(socket, message, atMs)
        break
      case 'ping':
        if (message.claim !== null && !this.#accepts(socket, message.claim)) return
        this.#say(socket, { type: 'pong', nonce: message.nonce })
        break
      case 'status':
        this.#say(socket, this.#reportOf())
        break
      case 'command':
        if (message.authority.kind === 'coordinator' && !this.#accepts(socket, message.authority.claim)) return
        this.#ordered(socket, message)
        break
      case 'job':
        if (!this.#accepts(socket, message.claim)) return
        this.jobs?.ordered(
          message,
          () => this.#report(),
          (log) => {
            for (const each of this.#sockets) this.#say(each, log)
          },
        )
        break
      default:
        message satisfies never
    }
  }

  #greet(socket: FakeSocket, { authority }: ClientHello, atMs: number): void {
    if (authority.kind === 'coordinator' && !this.#accepts(socket, authority.claim)) return
    const { host, bootId, targets } = this.#options
    const seen = this.#seen
    this.#say(socket, {
      type: 'hello',
      version: 2,
      host,
      bootId,
      build: 'fake 1.0.0',
      seen,
      targets: [...targets],
      clockMs: atMs,
      ...(this.jobs === null ? {} : { features: ['jobs'] }),
    })
    this.#say(socket, this.#reportOf())
  }

  #accepts(socket: FakeSocket, claim: Claim): boolean {
    const seen = this.#seen
    const isOutranked =
      seen !== null && (claim.epoch < seen.epoch || (claim.epoch === seen.epoch && claim.instance !== seen.instance))
    if (isOutranked) {
      const message = 'a later coordinator orders this host'
      this.#say(socket, { type: 'error', code: 'superseded', message, seen })
      socket.close(4009)
      return false
    }
    this.#seen = claim
    return true
  }

  #ordered(socket: FakeSocket, command: Command): void {
    const duty = this.#duties.get(command.target)
    if (duty === undefined) {
      this.#answer(socket, command, 'failed')
      return
    }
    const kept = duty.holds.filter(({ id }) => !command.release.includes(id))
    const given = command.action === 'drain' ? command.holds : []
    duty.holds = [...kept.filter(({ id }) => !given.some((hold) => hold.id === id)), ...given]
    const isHeld = duty.holds.length > 0
    if (command.action === 'undrain' && (isHeld || !command.allow)) {
      if (!isHeld && duty.is !== 'undecided' && duty.is !== 'open') duty.is = 'released'
      this.#answer(socket, command, isHeld ? 'held' : 'ok')
      this.#report()
      return
    }
    this.#work(duty, isHeld ? 'drained' : 'open', () => this.#answer(socket, command, 'ok'))
  }

  #work(duty: Duty, end: 'drained' | 'open', done: () => void): void {
    clearTimeout(duty.timer)
    const { workMs } = this.#options
    if (workMs === 0 || duty.is === end) {
      duty.is = end
      done()
      return
    }
    duty.is = end === 'drained' ? 'draining' : 'opening'
    this.#report()
    duty.timer = setTimeout(() => {
      duty.is = end
      done()
      this.#report()
    }, workMs)
  }

  #answer(socket: FakeSocket, command: Command, outcome: Outcome): void {
    const report = this.#targetReport(command.target)
    this.#say(socket, { type: 'response', id: command.id, outcome, message: '', units: [], report })
  }

  /** Somebody else gives and takes its holds, and it goes on with what it does. */
  rehold(target: string, holds: readonly Hold[]): void {
    const duty = this.#duties.get(target)
    if (duty !== undefined) duty.holds = holds
  }

  #report(): void {
    for (const socket of this.#sockets) this.#say(socket, this.#reportOf())
  }

  #reportOf(): Report {
    const targets = [...this.#duties.keys()].flatMap((name) => this.#targetReport(name) ?? [])
    const jobs = this.jobs === null ? {} : { jobs: this.jobs.reports }
    return { type: 'report', seen: this.#seen, targets, probes: [], ...jobs }
  }

  #targetReport(target: string): TargetReport | null {
    const duty = this.#duties.get(target)
    if (duty === undefined) return null
    return {
      target,
      is: duty.is,
      holds: [...duty.holds],
      durable: true,
      allowed: duty.is === 'open',
      dependents: [],
      dependentsLeftOut: 0,
      waitingFor: '',
      failed: [],
      breaches: 0,
    }
  }

  #say(socket: FakeSocket, message: AgentMessage): void {
    if (!this.#isSilent) socket.send(message)
  }
}
