import type { FleetHold, FleetPlan, HostSpec, ResourcePlan, TargetPlan } from '../../../coordinator/core/state.ts'
import type { DrainRequest, UndrainRequest } from '../../../protocol/api.ts'
import type { Claim } from '../../../protocol/authority.ts'
import type { Hold, Owner } from '../../../protocol/hold.ts'
import type { TargetReport } from '../../../protocol/v2/report.ts'

export const bootId = 'b'.repeat(32)
export const claim: Claim = { epoch: 3, instance: 'a'.repeat(32), revision: 7 }
export const twin = 'e'.repeat(32)

/** An id as operators' holds have it. */
export const idOf = (name: string): string => Buffer.from(name.padEnd(16)).toString('hex')

export function specOf(name: string, more: Partial<HostSpec> = {}): HostSpec {
  return { name, address: '198.18.0.1', tags: ['web'], protocol: 'v2', targets: ['db'], ...more }
}

export function targetOf(name = 'db', more: Partial<TargetPlan> = {}): TargetPlan {
  return { name, needs: ['pg'], waves: [], drainLimitMs: 90_000, undrainLimitMs: 60_000, ...more }
}

export function resourceOf(name = 'pg', more: Partial<ResourcePlan> = {}): ResourcePlan {
  return { name, gate: null, probed: false, units: [], ...more }
}

interface PlanParts {
  readonly hosts?: readonly HostSpec[]
  readonly targets?: readonly TargetPlan[]
  readonly resources?: readonly ResourcePlan[]
}

const byName = <Value extends { readonly name: string }>(values: readonly Value[]) =>
  new Map(values.map((value) => [value.name, value]))

export function planOf(parts: PlanParts = {}): FleetPlan {
  return {
    hosts: byName(parts.hosts ?? [specOf('a1'), specOf('b1', { tags: ['rest'] })]),
    targets: byName(parts.targets ?? [targetOf()]),
    resources: byName(parts.resources ?? [resourceOf()]),
    unreachableGraceMs: 20_000,
    resendMs: 1_000,
    rebuilds: { policies: new Map(), budgets: new Map(), self: null },
  }
}

/** Its selector names its members, or others would join at once. */
export function fleetHold(id: string, more: Partial<FleetHold> = {}): FleetHold {
  const members = more.members ?? new Set(['a1', 'b1'])
  return {
    id,
    targets: ['db'],
    selector: [...members].join(),
    except: new Set(),
    members,
    owner: 'operator:ada',
    message: '',
    sinceMs: 0,
    end: null,
    orphan: false,
    persisted: true,
    rushAtMs: null,
    ...more,
  }
}

export function held(id: string, owner: Owner = 'operator:ada', more: Partial<Hold> = {}): Hold {
  return { id, owner, message: '', sinceMs: 0, selector: '*', except: [], ...more }
}

export function reportOf(
  is: TargetReport['is'],
  holds: readonly Hold[] = [],
  more: Partial<TargetReport> = {},
): TargetReport {
  return {
    target: 'db',
    is,
    holds: [...holds],
    durable: true,
    allowed: false,
    dependents: [],
    dependentsLeftOut: 0,
    waitingFor: '',
    failed: [],
    breaches: 0,
    ...more,
  }
}

export function drainRequest(id: string, more: Partial<DrainRequest> = {}): DrainRequest {
  return { id: idOf(id), selector: '*', operator: 'ada', message: '', dryRun: false, ...more }
}

export function undrainRequest(more: Partial<UndrainRequest> = {}): UndrainRequest {
  return { selector: '*', force: false, dryRun: false, ...more }
}
