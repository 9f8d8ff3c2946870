import type { V1Action } from '../../protocol/v1.ts'
import type { AgentHello } from '../../protocol/v2/hello.ts'
import type { AgentMessage, ClientMessage } from '../../protocol/v2.ts'

/** What the links tell: the events of the core that are theirs, without their times. */
export type LinkEvent =
  | { readonly type: 'link-up'; readonly host: string; readonly link: string; readonly hello: AgentHello }
  | { readonly type: 'link-up-v1'; readonly host: string; readonly link: string }
  | {
      readonly type: 'link-down'
      readonly host: string
      readonly link: string | null
      readonly reason: string
    }
  | { readonly type: 'told'; readonly host: string; readonly link: string; readonly message: AgentMessage }
  | {
      readonly type: 'told-v1'
      readonly host: string
      readonly link: string
      readonly action: V1Action
      readonly ok: boolean
      readonly text: string
    }
  | { readonly type: 'round-trip'; readonly host: string; readonly link: string; readonly ms: number }

export interface SessionListener {
  /** The peer answered, so it hears as well as it speaks. */
  heard(): void
  /** Exactly once. */
  closed(session: Session, reason: string): void
}

/** One open link to one host, whichever protocol it speaks. */
export interface Session {
  readonly link: string
  /** The key that proved it; null where certificates did. */
  readonly keyId: string | null
  /** Tells that the link is up. */
  announce(): void
  listen(listener: SessionListener): void
  /** Resolves with the round trip in milliseconds, or null where the link ended before. */
  ping(): Promise<number | null>
  /** True while the peer works on something and may be silent for it. */
  readonly isBusy: boolean
  send(message: ClientMessage): void
  sendV1(action: 'drain' | 'undrain'): void
  close(): void
}
