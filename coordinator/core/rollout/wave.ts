import { gateOf } from '../../../protocol/hold.ts'
import { isGone } from '../links.ts'
import type { FleetState } from '../state.ts'
import { holdsOn, targetsOf } from '../wanted.ts'
import { outOfService, roomFor } from './budgets.ts'
import type { Draft } from './draft.ts'
import { closedBy } from './gates.ts'
import { leaveToReboot } from './reboot.ts'
import { factsOf, jobOf, type Move, type Scene } from './scene.ts'
import type { HostRun, Rollout, StagePlan } from './state.ts'

/** Those that are out of service already cost nobody anything, and go first. */
function inOrder(runs: readonly HostRun[], out: ReadonlySet<string>): readonly HostRun[] {
  return [...runs.filter(({ host }) => out.has(host)), ...runs.filter(({ host }) => !out.has(host))]
}

export function pickWave(draft: Draft, id: string, candidates: readonly HostRun[], stage: StagePlan): void {
  const { options, stage: before } = draft.rollout(id)
  const most = Math.min(stage.maxParallel, options.maxParallel ?? Number.POSITIVE_INFINITY)
  const wave = before.wave + 1
  const picked = inOrder(candidates, outOfService(draft.state)).slice(0, most)
  draft.event(id, 'stage.started', `${stage.name}: ${picked.map(({ host }) => host).join(', ')}`)
  draft.stage(id, { now: { is: 'active' }, reason: '', wave })
  for (const run of picked) draft.move(run, { to: { is: 'waiting' }, reason: '', more: { wave } })
}

/** Gives slots to those of the wave that can have one; true where one had, or left the wave. */
export function beginWaiting(draft: Draft, id: string): boolean {
  const waiting = draft.runs(id).filter(({ now }) => now.is === 'waiting')
  if (waiting.length === 0) return false
  const out = new Set(outOfService(draft.state))
  let hasMoved = false
  for (const run of inOrder(waiting, out)) {
    const move = beginning(draft, id, run, out)
    if (move === null) continue
    draft.move(run, move)
    if (move.to.is === 'draining') out.add(run.host)
    hasMoved = true
  }
  return hasMoved
}

function beginning(draft: Draft, id: string, run: HostRun, out: ReadonlySet<string>): Move | null {
  const { state, moment } = draft
  const { atMs } = moment
  const rollout = draft.rollout(id)
  const job = jobOf(state, run)
  if (job === null) {
    if (isGone(state.hosts.get(run.host), state.plan.unreachableGraceMs, atMs)) return offline(rollout)
    return hold(draft, run, 'its agent has not told of its job yet')
  }
  const leave = leaveToReboot(sceneOf(draft, rollout, run))
  if (leave?.is === 'refused')
    return { to: { is: 'deferred', until: leave.until }, reason: leave.reason, more: { wave: null } }
  if (leave?.is === 'unknown') return hold(draft, run, 'whether it may reboot now is being looked at')
  const closed = closedBy(state, rollout, atMs)
  if (closed !== null) return hold(draft, run, closed.reason)
  const gated = gateHolding(state, run.host)
  if (gated !== null) return hold(draft, run, `${gated} is down or in maintenance: its gate holds this host`)
  const room = roomFor(state, run.host, out)
  if (room.is === 'full') {
    const taken = room.taken.join(', ')
    return hold(draft, run, `budget ${room.budget}: ${room.taken.length} of ${room.max} out of service (${taken})`)
  }
  return { to: { is: 'draining' }, reason: '', more: { slotMs: atMs, facts: factsOf(job) } }
}

function offline({ policy }: Rollout): Move {
  const reason = 'its agent is not connected'
  if (policy.offline === 'skip') return { to: { is: 'skipped' }, reason, more: { wave: null } }
  return { to: { is: 'blocked', by: 'offline' }, reason, more: { wave: null } }
}

/** It goes on waiting; why, is said once. */
function hold(draft: Draft, run: HostRun, reason: string): null {
  if (run.reason === reason) return null
  draft.editRun({ ...run, reason })
  draft.event(run.rollout, 'slot.waiting', reason, { host: run.host })
  return null
}

function gateHolding(state: FleetState, host: string): string | null {
  for (const target of targetsOf(state, host)) {
    for (const { owner } of holdsOn(state, host, target)) {
      const resource = gateOf(owner)
      if (resource !== null) return resource
    }
  }
  return null
}

/** Hosts that may not reboot now stay behind, unchanged and in service. */
export function deferReboots(draft: Draft, id: string, runs: readonly HostRun[]): boolean {
  let hasMoved = false
  for (const run of runs) {
    if (run.now.is !== 'ready') continue
    const leave = leaveToReboot(sceneOf(draft, draft.rollout(id), run))
    if (leave?.is !== 'refused') continue
    draft.move(run, { to: { is: 'deferred', until: leave.until }, reason: leave.reason })
    hasMoved = true
  }
  return hasMoved
}

/** Whether it may reboot has not been looked at. */
export function isUnknown(draft: Draft, rollout: Rollout, run: HostRun): boolean {
  return leaveToReboot(sceneOf(draft, rollout, run))?.is === 'unknown'
}

function sceneOf({ state, moment }: Draft, rollout: Rollout, run: HostRun): Scene {
  return { state, rollout, run, job: jobOf(state, run), streak: null, atMs: moment.atMs }
}
