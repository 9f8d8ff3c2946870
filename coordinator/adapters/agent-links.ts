import { dialAgent, dialV1 } from '../../daemon/dial.ts'
import type { TlsFiles } from '../../daemon/dial-tls.ts'
import type { Claim } from '../../protocol/authority.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Key } from '../../protocol/keys.ts'
import type { ClientMessage } from '../../protocol/v2.ts'
import type { HostDial } from '../config.ts'
import { type Heartbeat, HostLink, type HostLinkTools } from './host-link.ts'
import type { LinkEvent, Session } from './session.ts'
import { sessionV1 } from './session-v1.ts'
import { type SessionTools, SessionV2 } from './session-v2.ts'
import { refusalOf } from './superseding.ts'
import { createTimerWheel } from './timer-wheel.ts'

/** What proves the coordinator to its hosts. */
export interface LinkKeys {
  readonly keysOf: (dial: HostDial) => readonly Key[]
  /** Crosses the wire in clear; null where no host is marked v1. */
  readonly v1: Key | null
  readonly tls: TlsFiles | null
}

export interface LinkPlan {
  readonly dials: ReadonlyMap<string, HostDial>
  readonly keys: LinkKeys
  readonly heartbeat: Heartbeat
  /** How long a v1 server may work on one order. */
  readonly v1OrderMs: number
}

export interface AgentLinksOptions {
  readonly plan: LinkPlan
  readonly claim: () => Claim
  readonly build: string
  /** Told while the caller of no method waits; it may call any of them. */
  readonly emit: (event: LinkEvent) => void
  readonly onBug: (cause: unknown) => void
  readonly chance?: () => number
}

/** A link to every host, kept up. What is sent to a link that is gone is dropped: its end has been told. */
export interface AgentLinks {
  send(host: string, link: string, message: ClientMessage): void
  sendV1(host: string, link: string, action: 'drain' | 'undrain'): void
  end(host: string, link: string, reason: string): void
  /** One ping of its own; null where the host did not answer. */
  measure(host: string, limitMs: number): Promise<number | null>
  /** Dials every host that is down now, not when its turn comes. */
  hurry(): void
  /** Links of hosts that did not change stay up. */
  configure(plan: LinkPlan): void
  close(): void
}

const dialLimitMs = 5_000

export function openAgentLinks(options: AgentLinksOptions): AgentLinks {
  const { emit, onBug, chance = Math.random } = options
  let plan = options.plan
  const wheel = createTimerWheel(Math.min(250, Math.max(5, Math.floor(plan.heartbeat.everyMs / 16))))
  const tools: HostLinkTools = {
    open: opener(options, () => plan),
    emit,
    wheel,
    heartbeat: () => plan.heartbeat,
    chance,
    onBug,
  }
  const links = new Map<string, { readonly dial: HostDial; readonly link: HostLink }>()

  function add(dial: HostDial): void {
    links.set(dial.host, { dial, link: new HostLink(dial.host, tools) })
  }

  function keep(dial: HostDial): void {
    const known = links.get(dial.host)
    if (known === undefined) {
      add(dial)
    } else if (!isSame(dial, known.dial)) {
      drop(known.link, dial.host)
      add(dial)
    } else if (!isStillProved(known.link.session, dial, plan.keys)) {
      known.link.renew('its key was removed')
    }
  }

  function drop(link: HostLink, host: string): void {
    const { session } = link
    link.stop()
    if (session !== null) emit({ type: 'link-down', host, link: session.link, reason: 'its configuration changed' })
  }

  function configure(next: LinkPlan): void {
    plan = next
    for (const [host, { link }] of links) {
      if (plan.dials.has(host)) continue
      drop(link, host)
      links.delete(host)
    }
    for (const dial of plan.dials.values()) keep(dial)
  }

  const sessionOf = (host: string, link: string): Session | null => {
    const session = links.get(host)?.link.session ?? null
    return session?.link === link ? session : null
  }

  configure(plan)
  return {
    send: (host, link, message) => sessionOf(host, link)?.send(message),
    sendV1: (host, link, action) => sessionOf(host, link)?.sendV1(action),
    end: (host, link, reason) => links.get(host)?.link.end(link, reason),
    measure: (host, limitMs) => measured(links.get(host)?.link.session ?? null, limitMs),
    hurry() {
      for (const { link } of links.values()) if (link.session === null) link.renew('')
    },
    configure,
    close() {
      for (const { link } of links.values()) link.stop()
      wheel.stop()
    },
  }
}

function opener({ claim, build, emit }: AgentLinksOptions, plan: () => LinkPlan): HostLinkTools['open'] {
  let count = 0
  const tools: SessionTools = { claim, emit }
  return async (host, signal) => {
    count += 1
    const link = String(count)
    const { dials, keys, heartbeat, v1OrderMs } = plan()
    const dial = dials.get(host)
    if (dial === undefined) throw new GuardianError('unknown-host', `${host} is not configured any more`, { host })
    if (dial.protocol === 'v1') {
      const { address, port } = dial
      if (keys.v1 === null) throw new GuardianError('unauthorised', `${host}: there is no v1 key`, { host })
      const server = await dialV1({ address, port, key: keys.v1, limitMs: dialLimitMs, signal })
      const parts = { host, link, keyId: keys.v1.id }
      return sessionV1(server, parts, { emit, orderMs: v1OrderMs, pingMs: heartbeat.lostMs })
    }
    try {
      const authority = { kind: 'coordinator', claim: claim() } as const
      const proof = keys.tls === null ? { keys: keys.keysOf(dial) } : { keys: [], tls: keys.tls }
      const { address, port } = dial
      const agent = await dialAgent({ host, address, port, ...proof, authority, build, limitMs: dialLimitMs, signal })
      return new SessionV2(agent, { host, link }, tools)
    } catch (cause) {
      const message = refusalOf(cause)
      if (message !== null) emit({ type: 'told', host, link, message })
      throw cause
    }
  }
}

function isSame(dial: HostDial, before: HostDial): boolean {
  return (
    dial.address === before.address &&
    dial.port === before.port &&
    dial.protocol === before.protocol &&
    dial.keyName === before.keyName
  )
}

/** Whether a key that is still in force proved the link; one that is down may as well be dialled again. */
function isStillProved(session: Session | null, dial: HostDial, keys: LinkKeys): boolean {
  if (session === null) return false
  if (dial.protocol === 'v1') return keys.v1?.id === session.keyId
  if (keys.tls !== null) return session.keyId === null
  return keys.keysOf(dial).some((key) => key.id === session.keyId)
}

async function measured(session: Session | null, limitMs: number): Promise<number | null> {
  if (session === null) return null
  let timer: NodeJS.Timeout | undefined
  const overdue = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), limitMs)
  })
  const ms = await Promise.race([session.ping(), overdue])
  clearTimeout(timer)
  return ms
}
