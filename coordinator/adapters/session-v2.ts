import type { AgentLink } from '../../daemon/dial.ts'
import type { Claim } from '../../protocol/authority.ts'
import type { LinkEvent, Session, SessionListener } from './session.ts'

export interface SessionParts {
  readonly host: string
  readonly link: string
  readonly keyId: string | null
  readonly claim: () => Claim
  readonly emit: (event: LinkEvent) => void
}

export function sessionV2(agent: AgentLink, { host, link, keyId, claim, emit }: SessionParts): Session {
  const pings = new Map<number, { readonly sentMs: number; readonly resolve: (ms: number | null) => void }>()
  let nonce = 0

  function answered(to: number): void {
    const ping = pings.get(to)
    if (ping === undefined) return
    pings.delete(to)
    const ms = Math.round((performance.now() - ping.sentMs) * 100) / 100
    emit({ type: 'round-trip', host, link, ms })
    ping.resolve(ms)
  }

  return {
    link,
    keyId,
    up: { type: 'link-up', host, link, hello: agent.hello },
    isBusy: false,
    listen({ heard, closed }: SessionListener) {
      agent.listen({
        message(message) {
          heard()
          if (message.type === 'pong') answered(message.nonce)
          else emit({ type: 'told', host, link, message })
        },
        closed(reason) {
          for (const { resolve } of pings.values()) resolve(null)
          closed(reason)
        },
      })
    },
    ping() {
      nonce += 1
      const sentMs = performance.now()
      const answer = new Promise<number | null>((resolve) => pings.set(nonce, { sentMs, resolve }))
      agent.send({ type: 'ping', nonce, claim: claim() })
      return answer
    },
    send: (message) => agent.send(message),
    sendV1() {},
    close: () => agent.close(),
  }
}
