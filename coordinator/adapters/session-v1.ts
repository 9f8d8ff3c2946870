import type { V1Link } from '../../daemon/dial.ts'
import type { LinkEvent, Session, SessionListener } from './session.ts'
import type { SessionParts } from './session-v2.ts'

/** IO Guardian's server blocks while it drains, so a running order counts as a sign of life, up to its limit. */
export function sessionV1(
  server: V1Link,
  { host, link, keyId }: SessionParts & { readonly keyId: string },
  {
    emit,
    orderMs,
    pingMs,
  }: { readonly emit: (event: LinkEvent) => void; readonly orderMs: number; readonly pingMs: number },
): Session {
  let running = 0
  let listener: SessionListener | null = null

  const session: Session = {
    link,
    keyId,
    announce: () => emit({ type: 'link-up-v1', host, link }),
    get isBusy() {
      return running > 0
    },
    listen(next) {
      listener = next
      void server.closed.then((reason) => next.closed(session, reason))
    },
    async ping() {
      const sentMs = performance.now()
      const { isAnswer, ok } = await server.request('ping', pingMs)
      if (isAnswer) listener?.heard()
      if (!ok) return null
      const ms = Math.round((performance.now() - sentMs) * 100) / 100
      emit({ type: 'round-trip', host, link, ms })
      return ms
    },
    send() {},
    sendV1(action) {
      running += 1
      void server.request(action, orderMs).then(({ isAnswer, ok, text }) => {
        running -= 1
        if (isAnswer) listener?.heard()
        emit({ type: 'told-v1', host, link, action, ok, text })
      })
    },
    close: () => server.close(),
  }
  return session
}
