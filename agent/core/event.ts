import type { Claim } from '../../protocol/authority.ts'
import type { ClientHello } from '../../protocol/v2/hello.ts'
import type { JobCommand } from '../../protocol/v2/job.ts'
import type { Command } from '../../protocol/v2.ts'
import type { JobSight } from './job.ts'
import type { TargetView } from './state.ts'

/**
 * Everything that can happen to an agent. `atMs` is the boot's monotonic clock; `wallMs` is only ever shown;
 * `nonce` is fresh randomness, for ids.
 */
export type AgentEvent = { readonly atMs: number } & (
  | { readonly type: 'greeted'; readonly link: string; readonly hello: ClientHello }
  | { readonly type: 'greeted-v1'; readonly link: string }
  | { readonly type: 'link-closed'; readonly link: string }
  | { readonly type: 'commanded'; readonly link: string; readonly command: Command }
  | {
      readonly type: 'commanded-v1'
      readonly link: string
      readonly action: 'drain' | 'undrain'
      readonly limitMs: number
      readonly nonce: string
      readonly wallMs: number
    }
  | { readonly type: 'pinged'; readonly link: string; readonly nonce: number; readonly claim: Claim | null }
  | { readonly type: 'status-asked'; readonly link: string }
  | { readonly type: 'viewed'; readonly target: string; readonly view: TargetView }
  | { readonly type: 'probed'; readonly resource: string; readonly ok: boolean; readonly reason: string }
  | { readonly type: 'job-ordered'; readonly link: string; readonly command: JobCommand }
  | { readonly type: 'job-seen'; readonly job: string; readonly sight: JobSight }
  | {
      readonly type: 'job-probed'
      readonly job: string
      readonly name: string
      readonly ok: boolean
      readonly reason: string
    }
  | { readonly type: 'opening-asked'; readonly asker: string; readonly target: string }
  | { readonly type: 'asker-gone'; readonly asker: string }
  /** One per target and second, and once after each event that may have changed what a target may do. */
  | { readonly type: 'tick'; readonly target: string; readonly nonce: string; readonly wallMs: number }
)
