import type { Claim } from '../../protocol/authority.ts'
import type { Hold } from '../../protocol/hold.ts'
import { limits } from '../../protocol/limits.ts'
import type { ClientMessage } from '../../protocol/v2.ts'
import type { FleetEffect } from './effect.ts'
import { seated } from './links.ts'
import type { FleetState, HostSpec, Seat } from './state.ts'
import { holdsOn, isReleasable, onWire, seatOf, targetPlan, targetsOf, unready } from './wanted.ts'
import { hasWaves, isTurn, leaveWave, moveWaves } from './waves.ts'

export interface Course {
  readonly state: FleetState
  readonly effects: readonly FleetEffect[]
}

/** Compares what every host reports with what the holds want, and orders what is missing. */
export function reconcileAll(before: FleetState, atMs: number): Course {
  const effects: FleetEffect[] = []
  let state = before
  for (const target of state.plan.targets.keys()) {
    const moved = moveWaves(state, target, atMs)
    state = moved.state
    effects.push(...moved.notes.map((note): FleetEffect => ({ type: 'note', note })))
  }
  return order(state, state.plan.hosts.values(), atMs, effects)
}

/** The same for one host, after an event of its own; the others only where it was the last of its wave. */
export function reconcileOne(before: FleetState, name: string, atMs: number): Course {
  const spec = before.plan.hosts.get(name)
  if (spec === undefined) return { state: before, effects: [] }
  let state = before
  let isOver = false
  for (const target of spec.targets.filter((each) => hasWaves(before, each))) {
    const left = leaveWave(state, target, name, atMs)
    state = left.state
    isOver ||= left.isOver
  }
  if (isOver) return reconcileAll(state, atMs)
  return order(state, [spec], atMs, [])
}

/** What is ordered so far: one state comes of it all, rather than one of every order. */
interface Orders {
  hosts: FleetState['hosts']
  nextCommand: number
  readonly effects: FleetEffect[]
}

function order(state: FleetState, specs: Iterable<HostSpec>, atMs: number, effects: FleetEffect[]): Course {
  const orders: Orders = { hosts: state.hosts, nextCommand: state.nextCommand, effects }
  for (const spec of specs) orderHost(state, spec, atMs, orders)
  const { hosts, nextCommand } = orders
  return { state: hosts === state.hosts ? state : { ...state, hosts, nextCommand }, effects }
}

function orderHost(state: FleetState, spec: HostSpec, atMs: number, orders: Orders): void {
  const before = orders.hosts.get(spec.name)
  if (before?.link.is !== 'up' || state.superseded !== null) return
  const { link } = before.link
  let host = before
  for (const target of spec.targets) {
    const seat = seatOf(host, target)
    const next =
      spec.protocol === 'v1'
        ? orderV1(state, spec.name, target, seat, atMs)
        : orderFor(state, spec.name, target, seat, atMs)
    if (next === null) continue
    const meaning = meaningOf(next)
    if (seat.order?.meaning === meaning && atMs < seat.order.againAtMs) continue
    // A v1 answer names no order, so there is never a second one before the first was answered.
    if (next.action === 'v1' && seat.order !== null && seat.trouble === null) continue
    const command = `${orders.nextCommand}`
    orders.nextCommand += 1
    orders.effects.push(effectOf(state, next, { host: spec.name, link, target, command }))
    const change = sent(state, seat, meaning, command, atMs)
    // A v1 order names no target: it is that of all.
    const targets = next.action === 'v1' ? spec.targets : [target]
    host = targets.reduce((now, each) => seated(now, each, change), host)
  }
  orders.hosts = orders.hosts.with(spec.name, host)
}

const resendMaxMs = 30_000

function sent(state: FleetState, seat: Seat, meaning: string, command: string, atMs: number): Partial<Seat> {
  const attempt = seat.order?.meaning === meaning ? seat.order.attempt + 1 : 0
  const pauseMs = Math.min(resendMaxMs, state.plan.resendMs * 2 ** Math.min(attempt, 10))
  const order = { command, meaning, attempt, againAtMs: atMs + pauseMs }
  return { order, trouble: null, waitingOn: [], acknowledged: null }
}

type Order =
  | { readonly action: 'drain'; readonly holds: readonly Hold[]; readonly release: readonly string[] }
  | { readonly action: 'undrain'; readonly release: readonly string[]; readonly allow: boolean }
  | { readonly action: 'v1'; readonly want: 'drain' | 'undrain' }

/** As many as fit into a frame with all their words; the others follow the report of these. */
const holdsPerOrder = 8

/** What a host is still to be told about a target; null where it has all. */
function orderFor(state: FleetState, host: string, target: string, { report }: Seat, atMs: number): Order | null {
  if (report === null) return null
  const wanted = holdsOn(state, host, target)
  const release = report.holds
    .filter((held) => isReleasable(state, host, held))
    .map((held) => held.id)
    .slice(0, limits.releasesMax)
  if (wanted.length > 0) {
    const missing = wanted.filter((hold) => !report.holds.some((held) => held.id === hold.id))
    if (missing.length === 0 && release.length === 0) return null
    const isDown = report.holds.length > 0
    if (!isDown && !isTurn(state, target, host, 'drain', atMs)) return null
    const holds = (missing.length > 0 ? missing : wanted).slice(0, holdsPerOrder).map((hold) => onWire(hold, atMs))
    return { action: 'drain', holds, release }
  }
  if (state.awaiting.size > 0) return null
  const isFree = release.length === report.holds.length
  const allow = isFree && mayOpen(state, host, target, atMs)
  if (release.length > 0) return { action: 'undrain', release, allow }
  const wantsOpen = report.is === 'released' || report.is === 'undecided'
  return wantsOpen && allow && !report.allowed ? { action: 'undrain', release: [], allow } : null
}

function mayOpen(state: FleetState, host: string, target: string, atMs: number): boolean {
  return unready(state, target).length === 0 && isTurn(state, target, host, 'undrain', atMs)
}

/** A v1 host forgets at a reboot: drained again on every link while held, undrained once per release. */
function orderV1(state: FleetState, host: string, target: string, { acknowledged }: Seat, atMs: number): Order | null {
  if (holdsOn(state, host, target).length > 0) {
    return acknowledged !== 'drain' && isTurn(state, target, host, 'drain', atMs)
      ? { action: 'v1', want: 'drain' }
      : null
  }
  if (!state.owedUndrain.has(`${host}/${target}`) || state.awaiting.size > 0 || isHeldAtAll(state, host)) return null
  return mayOpen(state, host, target, atMs) ? { action: 'v1', want: 'undrain' } : null
}

/** A v1 undrain names no target: it would open the others too. */
function isHeldAtAll(state: FleetState, host: string): boolean {
  return targetsOf(state, host).some((target) => holdsOn(state, host, target).length > 0)
}

function meaningOf(order: Order): string {
  if (order.action === 'v1') return order.want
  if (order.action === 'undrain') return `undrain ${order.release.join()} ${order.allow}`
  return `drain ${order.holds.map((hold) => hold.id).join()} not ${order.release.join()}`
}

interface Address {
  readonly host: string
  readonly link: string
  readonly target: string
  readonly command: string
}

function effectOf(state: FleetState, order: Order, { host, link, target, command }: Address): FleetEffect {
  if (order.action === 'v1') return { type: 'send-v1', host, link, action: order.want }
  return { type: 'send', host, link, message: messageOf(state, order, target, command) }
}

function messageOf(
  state: FleetState,
  order: Exclude<Order, { action: 'v1' }>,
  target: string,
  id: string,
): ClientMessage {
  const { drainLimitMs, undrainLimitMs } = targetPlan(state, target)
  const authority: { readonly kind: 'coordinator'; readonly claim: Claim } = { kind: 'coordinator', claim: state.claim }
  const release = [...order.release]
  if (order.action === 'drain') {
    return {
      type: 'command',
      id,
      action: 'drain',
      target,
      authority,
      holds: [...order.holds],
      release,
      limitMs: drainLimitMs,
    }
  }
  return {
    type: 'command',
    id,
    action: 'undrain',
    target,
    authority,
    release,
    allow: order.allow,
    limitMs: undrainLimitMs,
  }
}
