import { asMessage } from '../../protocol/names.ts'
import { type FleetStep, noted, settle, still } from './change.ts'
import { configured } from './configure.ts'
import { drainAsked } from './drain.ts'
import type { FleetEvent } from './event.ts'
import { gateAsked, gateRead } from './gates.ts'
import { linkOf, withLink } from './links.ts'
import { rolloutStep } from './rollout/step.ts'
import type { FleetState, ResourceState } from './state.ts'
import { takeoverAsked } from './takeover.ts'
import { ticked } from './tick.ts'
import { linkDown, linkUp, told } from './told.ts'
import { toldV1 } from './told-v1.ts'
import { undrainAsked } from './undrain.ts'

/**
 * The whole policy of one coordinator: what an event changes, what must be durable first, what is sent.
 * @throws GuardianError a request that is refused; nothing has changed then
 */
export function step(state: FleetState, event: FleetEvent): FleetStep {
  const { atMs, wallMs } = event
  switch (event.type) {
    case 'link-up':
      return linkUp(state, event.host, event.link, event.hello, atMs)
    case 'link-up-v1':
      return linkUp(state, event.host, event.link, null, atMs)
    case 'link-down':
      return linkDown(state, event, atMs)
    case 'told':
      return told(state, event.host, event.link, event.message, atMs)
    case 'told-v1':
      return toldV1(state, event.host, event.link, event, atMs)
    case 'round-trip':
      return roundTrip(state, event.host, event.link, event.ms)
    case 'probed':
      return probed(state, event.resource, { ready: event.ready, reason: asMessage(event.reason) }, atMs)
    case 'gate-read':
      return gateRead(state, event.resource, event.gate, { atMs, wallMs, limitMs: null })
    case 'gate-asked':
      return gateAsked(state, event.resource, event.request, atMs, wallMs)
    case 'drain-asked':
      return drainAsked(state, event.request, atMs, wallMs)
    case 'undrain-asked':
      return undrainAsked(state, event.request, atMs)
    case 'takeover-asked':
      return takeoverAsked(state, event.request, event)
    case 'configured':
      return configured(state, event.plan, atMs)
    case 'tick':
      return ticked(state, atMs)
    case 'plan-asked':
    case 'rollout-start-asked':
    case 'rollout-ordered':
    case 'condition-told':
    case 'hook-ended':
    case 'lock-asked':
    case 'lock-released':
    case 'advance':
      return rolloutStep(state, event)
    default:
      return event satisfies never
  }
}

function roundTrip(state: FleetState, name: string, link: string, ms: number): FleetStep {
  const host = state.hosts.get(name)
  if (host?.link.is !== 'up' || linkOf(host) !== link) return still(state)
  return still(withLink(state, name, { ...host.link, roundTripMs: ms }))
}

function probed(
  state: FleetState,
  resource: string,
  verdict: Pick<ResourceState, 'ready' | 'reason'>,
  atMs: number,
): FleetStep {
  const before = state.resources.get(resource)
  if (before === undefined) return still(state)
  const isSame = before.ready === verdict.ready
  const now = { ...before, ...verdict, sinceMs: isSame ? before.sinceMs : atMs }
  const known = { ...state, resources: new Map(state.resources).set(resource, now) }
  if (isSame) return still(known)
  const what = verdict.ready ? 'resource-ready' : 'resource-lost'
  const next = settle(known, atMs, noted({ what, resource, text: verdict.reason }))
  return { save: null, next, otherwise: next }
}
