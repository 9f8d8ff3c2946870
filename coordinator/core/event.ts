import type { DrainRequest, GateRequest, TakeoverRequest, UndrainRequest } from '../../protocol/api.ts'
import type { PlanRequest, RolloutOrder, StartRequest } from '../../protocol/rollout/api.ts'
import type { V1Action } from '../../protocol/v1.ts'
import type { AgentHello } from '../../protocol/v2/hello.ts'
import type { AgentMessage } from '../../protocol/v2.ts'
import type { FleetPlan, GateState } from './state.ts'

/** Everything that can happen to a coordinator. `atMs` is the boot's monotonic clock; `wallMs` is only ever shown. */
export type FleetEvent = { readonly atMs: number; readonly wallMs: number } & (
  | { readonly type: 'link-up'; readonly host: string; readonly link: string; readonly hello: AgentHello }
  | { readonly type: 'link-up-v1'; readonly host: string; readonly link: string }
  | {
      readonly type: 'link-down'
      readonly host: string
      readonly link: string | null
      readonly reason: string
    }
  /** A refusal may come from a link that never went up. */
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
  | { readonly type: 'probed'; readonly resource: string; readonly ready: boolean; readonly reason: string }
  /** The gate's file as read at start and on change; null where it is absent, unreadable or of another boot. */
  | { readonly type: 'gate-read'; readonly resource: string; readonly gate: GateState | null }
  | { readonly type: 'gate-asked'; readonly resource: string; readonly request: GateRequest }
  | { readonly type: 'drain-asked'; readonly request: DrainRequest }
  | { readonly type: 'undrain-asked'; readonly request: UndrainRequest }
  | { readonly type: 'takeover-asked'; readonly request: TakeoverRequest }
  | { readonly type: 'configured'; readonly plan: FleetPlan }
  | { readonly type: 'tick' }
  | { readonly type: 'plan-asked'; readonly request: PlanRequest }
  /** `hash` is what the plan's text comes to now; null where it is not planned yet. */
  | {
      readonly type: 'rollout-start-asked'
      readonly rollout: string
      readonly hash: string | null
      readonly request: StartRequest
    }
  | { readonly type: 'rollout-ordered'; readonly rollout: string; readonly order: RolloutOrder }
  /** What an adapter found when it looked at one of `wantedConditions`. */
  | { readonly type: 'condition-told'; readonly key: string; readonly ok: boolean; readonly reason: string }
  | {
      readonly type: 'hook-ended'
      readonly rollout: string
      readonly hook: string
      readonly ok: boolean
      readonly reason: string
    }
  | { readonly type: 'lock-asked' | 'lock-released'; readonly id: string; readonly group: string }
  /** Behind every event that changed the state, and every tick, while `isRolling`: the one place where rollouts move. */
  | { readonly type: 'advance' }
)
