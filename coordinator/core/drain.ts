import type { DrainAnswer, DrainRequest } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Owner } from '../../protocol/hold.ts'
import { limits } from '../../protocol/limits.ts'
import { parseSelector } from '../../protocol/selector.ts'
import { applied, changed, type FleetStep, noted, owedBy, saveOf, settle, still } from './change.ts'
import type { FleetHold, FleetState } from './state.ts'
import { holdsOn, hostsOf } from './wanted.ts'

/** An operator asks for a hold. The order goes out even where the store cannot keep it, and the answer says so. */
export function drainAsked(state: FleetState, request: DrainRequest, atMs: number, wallMs: number): FleetStep {
  refuseSuperseded(state)
  const known = state.holds.get(request.id)
  if (known !== undefined) return still(state, [], drainAnswer(state, known))
  if (state.released.has(request.id))
    throw new GuardianError('bad-request', `hold ${request.id} was released already; ask with a new id`)
  const hold = holdOf(state, request, atMs, wallMs)
  if (request.dryRun) return still(state, [], drainAnswer(state, hold))
  return takeHold(state, hold, atMs, drainAnswer(state, hold))
}

function takeHold(state: FleetState, hold: FleetHold, atMs: number, answer: DrainAnswer): FleetStep {
  const change = { put: [hold], owe: owedBy(state, [hold]) }
  const kept = applied(state, change)
  const lost = changed(state, { ...change, put: [{ ...hold, persisted: false }] })
  const effects = noted({ what: 'hold-taken', hold: hold.id, owner: hold.owner, text: hold.message })
  const failed = noted({ what: 'not-persisted', hold: hold.id })
  return {
    save: saveOf(kept, change),
    next: settle(kept, atMs, effects, answer),
    get otherwise() {
      return settle(lost, atMs, [...effects, ...failed], { ...answer, persisted: false })
    },
  }
}

export function refuseSuperseded(state: FleetState): void {
  if (state.superseded === null) return
  const { host, seen } = state.superseded
  throw new GuardianError(
    'superseded',
    `this coordinator is superseded: ${host} has seen epoch ${seen.epoch}, revision ${seen.revision}; stop the other one, then run "guardian coordinator takeover"`,
    { host, epoch: seen.epoch },
  )
}

function holdOf(state: FleetState, request: DrainRequest, atMs: number, wallMs: number): FleetHold {
  const targets = request.target === undefined ? [...state.plan.targets.keys()] : [request.target]
  for (const target of targets) refuseUnknownTarget(state, target)
  const members = select(state, request.selector, targets)
  refuseCrowded(state, members, targets)
  const owner: Owner = `operator:${request.operator}`
  if (owner.length > limits.nameLength)
    throw new GuardianError(
      'bad-request',
      `operator ${request.operator} is too long: an owner has at most ${limits.nameLength} characters`,
    )
  return {
    id: request.id,
    targets,
    selector: request.selector,
    except: new Set(),
    members,
    owner,
    message: request.message,
    sinceMs: wallMs,
    end: request.forMs === undefined ? null : { remainingMs: request.forMs, asOfMs: atMs },
    orphan: false,
    persisted: true,
    rushAtMs: null,
  }
}

export function refuseUnknownTarget(state: FleetState, target: string): void {
  if (state.plan.targets.has(target)) return
  throw new GuardianError(
    'unknown-target',
    `no target named ${target}; there is: ${[...state.plan.targets.keys()].join(', ')}`,
    { target },
  )
}

// The rest of what a marker can report is left to gates and to the agent's own holds. Orphans do not count: a host could
// invent them, and no drain that includes it would be taken any more.
const holdsPerSeatMax = limits.holdsMax / 2

function refuseCrowded(state: FleetState, members: ReadonlySet<string>, targets: readonly string[]): void {
  for (const host of members) {
    const target = targets.find((each) => countOf(state, host, each) >= holdsPerSeatMax)
    if (target === undefined) continue
    throw new GuardianError(
      'too-many',
      `${target} of ${host} has ${holdsPerSeatMax} holds already; release some, see "guardian ctl holds"`,
      { host, target },
    )
  }
}

function countOf(state: FleetState, host: string, target: string): number {
  return holdsOn(state, host, target).filter((hold) => !hold.orphan).length
}

/** Hosts that match and have one of the targets. */
export function select(state: FleetState, selector: string, targets: readonly string[]): ReadonlySet<string> {
  const found = matching(state, selector, targets)
  if (found.size > 0) return found
  throw new GuardianError('nothing-selected', `no host matches ${JSON.stringify(selector)}; see "guardian ctl hosts"`, {
    selector,
  })
}

export function matching(state: FleetState, selector: string, targets: readonly string[]): ReadonlySet<string> {
  const matches = parseSelector(selector)
  const hosts = [...state.plan.hosts.values()].filter(
    (host) => host.targets.some((each) => targets.includes(each)) && matches(host),
  )
  return new Set(hosts.map((host) => host.name))
}

export function drainAnswer(state: FleetState, hold: FleetHold): DrainAnswer {
  const hosts = hostsOf(state, hold)
  const waves = hold.targets.flatMap((target) => wavesOf(state, target, hosts))
  return { hold: hold.id, persisted: hold.persisted, hosts: [...hosts], waves }
}

function wavesOf(state: FleetState, target: string, hosts: readonly string[]): DrainAnswer['waves'] {
  const byWave: string[][] = []
  for (const host of hosts) {
    const wave = state.placement.get(target)?.get(host)
    if (wave === undefined) continue
    byWave[wave] ??= []
    byWave[wave].push(host)
  }
  return byWave.filter((members) => members !== undefined).map((members) => ({ target, hosts: members }))
}
