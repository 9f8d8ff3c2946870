import type { Claim } from '../../protocol/authority.ts'
import { asMessage } from '../../protocol/names.ts'
import type { Response } from '../../protocol/v2/command.ts'
import type { AgentHello } from '../../protocol/v2/hello.ts'
import type { Report, TargetReport } from '../../protocol/v2/report.ts'
import type { AgentMessage } from '../../protocol/v2.ts'
import { adopt } from './adopt.ts'
import { applied, type Change, changed, type FleetNext, type FleetStep, noted, saveOf, still } from './change.ts'
import type { FleetEffect } from './effect.ts'
import type { FleetEvent } from './event.ts'
import { afresh, linkOf, withLink, withoutTargets, withSeat } from './links.ts'
import { reconcileAll, reconcileOne } from './reconcile.ts'
import type { FleetState, HostState, Seat } from './state.ts'
import { seatOf, targetsOf } from './wanted.ts'

export function linkUp(
  state: FleetState,
  name: string,
  link: string,
  hello: AgentHello | null,
  atMs: number,
): FleetStep {
  const host = state.hosts.get(name)
  if (host === undefined) return still(state)
  const up = {
    is: 'up' as const,
    link,
    sinceMs: atMs,
    build: hello?.build ?? 'v1',
    bootId: hello?.bootId ?? '',
    targets: hello?.targets ?? null,
    features: hello?.features ?? [],
    roundTripMs: null,
  }
  const linked = withoutTargets({ ...state, hosts: state.hosts.with(name, { ...afresh(host), link: up }) }, name)
  const effects = noted({ what: 'host-connected', host: name })
  const outranked = weigh(linked, name, hello?.seen ?? null)
  if (outranked !== null)
    return { ...outranked, next: { ...outranked.next, effects: [...effects, ...outranked.next.effects] } }
  const course = reconcileOne(linked, name, atMs)
  return still(course.state, [...effects, ...course.effects])
}

export function linkDown(
  state: FleetState,
  { host: name, link, reason }: Extract<FleetEvent, { type: 'link-down' }>,
  atMs: number,
): FleetStep {
  const host = state.hosts.get(name)
  if (host === undefined || (link !== null && linkOf(host) !== link)) return still(state)
  const wasUp = host.link.is === 'up'
  const text = asMessage(reason)
  const sinceMs = host.link.is === 'up' ? atMs : host.link.sinceMs
  const down = withLink(state, name, { is: 'down', sinceMs, reason: text })
  return still(down, wasUp ? noted({ what: 'host-lost', host: name, text }) : [])
}

export function told(state: FleetState, name: string, link: string, message: AgentMessage, atMs: number): FleetStep {
  // Also from a link that was refused before it was up.
  if (message.type === 'error') return weigh(state, name, message.seen) ?? still(state)
  const host = state.hosts.get(name)
  if (host?.link.is !== 'up' || host.link.link !== link) return still(state)
  switch (message.type) {
    case 'report':
      return (
        weigh(state, name, message.seen) ?? reported(withJobs(state, name, host, message), name, message.targets, atMs)
      )
    case 'response':
      return responded(state, name, message, atMs)
    case 'progress': {
      const seat = seatByCommand(state, name, message.id)
      return still(seat === null ? state : withSeat(state, name, seat, { waitingOn: message.units }))
    }
    case 'hello':
    case 'log':
    case 'pong':
      return still(state)
    default:
      return message satisfies never
  }
}

// Epochs and revisions are counted one by one. Above a claim as far off as this no takeover could climb any more.
const leapMax = 2 ** 32

/** An agent that has seen more than this store knows proves that another coordinator came after it. */
function weigh(state: FleetState, host: string, seen: Claim | null): FleetStep | null {
  if (seen === null) return null
  if (Math.max(seen.epoch - state.claim.epoch, seen.revision - state.claim.revision) > leapMax)
    return disbelieved(state, host)
  const highest: Claim = {
    ...state.highest,
    epoch: Math.max(state.highest.epoch, seen.epoch),
    revision: Math.max(state.highest.revision, seen.revision),
  }
  const known = { ...state, highest }
  const { claim } = state
  const isOutranked =
    seen.epoch > claim.epoch ||
    (seen.epoch === claim.epoch && seen.instance !== claim.instance) ||
    seen.revision > claim.revision
  if (!isOutranked || state.superseded !== null) return state.superseded === null ? null : still(known)
  const change = { superseded: { host, seen }, isQuiet: true }
  const next = applied(known, change)
  const effects = noted({
    what: 'superseded',
    host,
    text: `${host} has seen epoch ${seen.epoch}, revision ${seen.revision}`,
  })
  return {
    save: saveOf(next, change),
    next: { state: next, effects, answer: null },
    otherwise: { state: next, effects, answer: null },
  }
}

/** The word of whoever has one host's key, or of a damaged disk. It must not stop the fleet for ever. */
function disbelieved(state: FleetState, host: string): FleetStep {
  const link = linkOf(state.hosts.get(host))
  const reason = 'it has seen a claim that no coordinator can have reached: remove "seen" from its state directory'
  return still(state, link === null ? [] : [{ type: 'close', host, link, reason }])
}

/** A report replaces what was known of its targets, and brings holds that this store has lost. */
function reported(state: FleetState, name: string, all: readonly TargetReport[], atMs: number): FleetStep {
  const targets = targetsOf(state, name)
  // Of names that nobody configured an agent could make up any number.
  const reports = all.filter(({ target }) => targets.includes(target))
  const before = state.hosts.get(name)
  const seen = reports.reduce(
    (now, report) =>
      withSeat(now, name, report.target, { report, ...afterReport(seatOf(before, report.target), report) }),
    marked(state, name, reports),
  )
  const effects = reports.flatMap((report) => noteChange(name, seatOf(before, report.target), report))
  const adopted = adopt(seen, name, reports)
  const awaiting = state.awaiting.has(name) ? new Set([...state.awaiting].filter((host) => host !== name)) : null
  const found = noted(
    ...adopted
      .filter((hold) => hold.orphan && !state.holds.has(hold.id))
      .map((hold) => ({ what: 'hold-adopted' as const, hold: hold.id, owner: hold.owner, text: hold.message })),
  )
  const change: Change = { put: adopted, ...(awaiting === null ? {} : { awaiting }) }
  // The others have nothing new to do, unless this was the last for which all of them waited.
  const isLast = awaiting?.size === 0
  const next = (now: FleetState): FleetNext => {
    const course = isLast ? reconcileAll(now, atMs) : reconcileOne(now, name, atMs)
    return { state: course.state, effects: [...effects, ...found, ...course.effects], answer: null }
  }
  const isKept = isLast || adopted.some((hold) => hold.persisted)
  if (!isKept) return unsaved(next(changed(seen, change)))
  const kept: Change = {
    ...change,
    put: adopted.map((hold) => ({ ...hold, persisted: true })),
    isQuiet: adopted.length === 0,
  }
  const lost: Change = { ...change, put: adopted.map((hold) => ({ ...hold, persisted: false })) }
  const after = applied(seen, kept)
  return { save: saveOf(after, kept), next: next(after), otherwise: next(changed(seen, lost)) }
}

function withJobs(state: FleetState, name: string, host: HostState, { jobs }: Report): FleetState {
  if (jobs === undefined && host.jobs === null) return state
  return { ...state, hosts: state.hosts.with(name, { ...host, jobs: jobs ?? null }) }
}

function unsaved(next: FleetNext): FleetStep {
  return { save: null, next, otherwise: next }
}

/** The first report of a target since the takeover shows which holds a marker carried before anything was ordered. */
function marked(state: FleetState, name: string, reports: readonly TargetReport[]): FleetState {
  if (state.unmarked.size === 0) return state
  const first = reports.filter((report) => seatOf(state.hosts.get(name), report.target).report === null)
  const carried = new Set(first.flatMap((report) => report.holds.map((hold) => hold.id)))
  return { ...state, unmarked: new Set([...state.unmarked].filter((id) => !carried.has(id))) }
}

function afterReport(seat: Seat, report: TargetReport): Partial<Seat> {
  const isResting = report.is === 'drained' || report.is === 'open'
  return isResting ? { waitingOn: [], trouble: null } : { trouble: seat.trouble }
}

function noteChange(host: string, seat: Seat, report: TargetReport): readonly FleetEffect[] {
  const from = seat.report?.is ?? 'unknown'
  return from === report.is ? [] : noted({ what: 'target-changed', host, target: report.target, from, to: report.is })
}

function responded(state: FleetState, name: string, message: Response, atMs: number): FleetStep {
  const target = seatByCommand(state, name, message.id)
  if (target === null) return still(state)
  const { report } = message
  const before = seatOf(state.hosts.get(name), target)
  const answered = withSeat(state, name, target, {
    waitingOn: message.units,
    trouble: troubleOf(message),
    ...(report === null ? {} : { report }),
  })
  const isBad = message.outcome !== 'ok' && message.outcome !== 'held' && message.outcome !== 'replaced'
  const effects = isBad ? noted({ what: 'order-failed', host: name, target, text: message.message }) : []
  const turned = report === null ? [] : noteChange(name, before, report)
  const course = reconcileOne(answered, name, atMs)
  return still(course.state, [...effects, ...turned, ...course.effects])
}

function troubleOf({ outcome, message }: Response): Seat['trouble'] {
  switch (outcome) {
    case 'ok':
    case 'held':
    case 'replaced':
      return null
    case 'deadline':
    case 'not-persisted':
      return { is: outcome, reason: message }
    case 'failed':
    case 'superseded':
    case 'stale':
      return { is: 'failed', reason: message }
    default:
      return outcome satisfies never
  }
}

function seatByCommand(state: FleetState, name: string, command: string): string | null {
  const host = state.hosts.get(name)
  return targetsOf(state, name).find((target) => seatOf(host, target).order?.command === command) ?? null
}
