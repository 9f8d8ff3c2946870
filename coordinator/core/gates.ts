import type { GateRequest } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { gateOf } from '../../protocol/hold.ts'
import { applied, type Change, changed, type FleetStep, noted, owedBy, saveOf, settle, still } from './change.ts'
import { gatedTargets } from './configure.ts'
import { matching, refuseSuperseded } from './drain.ts'
import type { FleetEffect } from './effect.ts'
import type { FleetHold, FleetState, GateState } from './state.ts'
import { isGateUp } from './wanted.ts'

/** `guardian gate` tells of its file. The answer names the hold whose drain it waits for. */
export function gateAsked(
  state: FleetState,
  resource: string,
  request: GateRequest,
  atMs: number,
  wallMs: number,
): FleetStep {
  refuseSuperseded(state)
  if (state.plan.resources.get(resource) === undefined) {
    throw new GuardianError('unknown-resource', `no resource named ${resource}; see "resources" in the configuration`, {
      resource,
    })
  }
  const gate: GateState = { is: request.state, seq: request.seq, bootId: request.bootId }
  return gateRead(state, resource, gate, { atMs, wallMs, limitMs: request.limitMs })
}

export interface GateMoment {
  readonly atMs: number
  readonly wallMs: number
  /** What the gate has for its drain; null where only its file was read. */
  readonly limitMs: number | null
}

/** The gate's hold follows its file: down, absent or of another boot is a hold, up is none. */
export function gateRead(state: FleetState, resource: string, file: GateState | null, moment: GateMoment): FleetStep {
  const plan = state.plan.resources.get(resource)
  const now = state.resources.get(resource)
  if (plan?.gate == null || now === undefined) {
    throw new GuardianError(
      'not-local',
      `the gate of ${resource} is not on this host; set "gate": "local" on the resource where it is`,
      { resource },
    )
  }
  const gate = file !== null && file.bootId !== state.bootId ? null : file
  if (now.gate !== null && (gate === null || gate.seq < now.gate.seq))
    return still(state, [], { hold: liveHold(state, resource)?.id ?? null })
  const known = { ...state, resources: new Map(state.resources).set(resource, { ...now, gate }) }
  if (gate?.is !== 'up') return gateDown(known, resource, moment)
  return gateUp(known, resource, now.gate?.is === 'up' ? [] : noted({ what: 'gate-up', resource }), moment)
}

function gateUp(state: FleetState, resource: string, effects: readonly FleetEffect[], { atMs }: GateMoment): FleetStep {
  const release = [...state.holds.values()].filter((hold) => gateOf(hold.owner) === resource).map((hold) => hold.id)
  if (release.length === 0) {
    const next = settle(state, atMs, effects, { hold: null })
    return { save: null, next, otherwise: next }
  }
  const ended = noted(...release.map((hold) => ({ what: 'hold-released' as const, hold, owner: `gate:${resource}` })))
  const after = applied(state, { release })
  // The file is read once: a full store keeps the holds for now, and each tick tries again to let them go.
  return {
    save: saveOf(after, { release }),
    next: settle(after, atMs, [...effects, ...ended], { hold: null }),
    otherwise: { state, effects, answer: { hold: null } },
  }
}

function gateDown(state: FleetState, resource: string, moment: GateMoment): FleetStep {
  const hold = downHold(state, resource, moment)
  const known = standing(state, resource, hold.id)
  if (hold.targets.length === 0 || known !== undefined) {
    const rushed =
      known === undefined || hold.rushAtMs === null
        ? state
        : { ...state, holds: new Map(state.holds).set(known.id, { ...known, rushAtMs: hold.rushAtMs }) }
    return still(rushed, [], { hold: known?.id ?? null })
  }
  const release = [...state.holds.values()]
    .filter((each) => gateOf(each.owner) === resource && !each.orphan)
    .map((each) => each.id)
  const change: Change = { put: [hold], release, owe: owedBy(state, [hold]) }
  const effects = noted(
    { what: 'gate-down', resource },
    { what: 'hold-taken', hold: hold.id, owner: hold.owner, text: hold.message },
  )
  const kept = applied(state, change)
  // The one before stays in memory as it stays in the store: both go when the gate comes up.
  const lost = changed(state, { put: [{ ...hold, persisted: false }], owe: owedBy(state, [hold]) })
  const answer = { hold: hold.id }
  return {
    save: saveOf(kept, change),
    next: settle(kept, moment.atMs, effects, answer),
    get otherwise() {
      const failed = noted({ what: 'not-persisted', hold: hold.id })
      return settle(lost, moment.atMs, [...effects, ...failed], answer)
    },
  }
}

/** The hold of this run; where there is no file, whichever stands. */
function standing(state: FleetState, resource: string, id: string): FleetHold | undefined {
  return state.resources.get(resource)?.gate == null ? liveHold(state, resource) : state.holds.get(id)
}

function liveHold(state: FleetState, resource: string): FleetHold | undefined {
  return [...state.holds.values()].find((hold) => gateOf(hold.owner) === resource && !hold.orphan)
}

function downHold(state: FleetState, resource: string, { atMs, wallMs, limitMs }: GateMoment): FleetHold {
  const gate = state.resources.get(resource)?.gate ?? null
  const targets = gatedTargets(state.plan, resource)
  const id = `${resource}/${state.bootId}/${gate === null ? `absent-${state.claim.revision + 1}` : gate.seq}`
  return {
    id,
    targets,
    selector: '*',
    except: new Set(),
    members: matching(state, '*', targets),
    owner: `gate:${resource}`,
    message:
      gate === null ? `the gate of ${resource} has not come up in this boot` : `${resource} is stopping or stopped`,
    sinceMs: wallMs,
    end: null,
    orphan: false,
    persisted: true,
    rushAtMs: limitMs === null ? null : atMs + Math.floor(limitMs / 2),
  }
}

/** Holds of gates that are up and that the store would not let go. */
export function overdueGateHolds(state: FleetState): readonly FleetHold[] {
  return [...state.holds.values()].filter((hold) => isGateUp(state, gateOf(hold.owner) ?? ''))
}
