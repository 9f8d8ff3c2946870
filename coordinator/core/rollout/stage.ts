import type { Hook } from '../../../protocol/rollout/policy.ts'
import type { Draft } from './draft.ts'
import { checksOf, closedBy } from './gates.ts'
import { isMoving } from './kinds.ts'
import type { HookRun, HostRun, Rollout, StageNow, StagePlan } from './state.ts'
import { end, endOf, pauseOn } from './trouble.ts'
import { beginWaiting, deferReboots, isUnknown, pickWave } from './wave.ts'

// A rollout walks through its stages. What opens a wave is looked at before any host of it has a slot; what is on its way is
// never stopped by it. Hosts of earlier stages that have become ready since go with the present one.

interface Walk {
  readonly draft: Draft
  readonly id: string
  readonly rollout: Rollout
  readonly stage: StagePlan
  /** Of this stage and those before it. */
  readonly runs: readonly HostRun[]
}

/** Makes the next step that is due; false where none is. */
export function walk(draft: Draft, id: string): boolean {
  const rollout = draft.rollout(id)
  const { at, now } = rollout.stage
  const stage = rollout.stages[at]
  if (stage === undefined) return arrive(draft, id)
  const on: Walk = { draft, id, rollout, stage, runs: draft.runs(id).filter((run) => run.stage <= at) }
  if (now.is === 'active') return activeOn(on)
  if (now.is === 'soaking') return soakOn(on)
  return now.on === 'approval' ? approveOn(on) : openOn(on)
}

function arrive(draft: Draft, id: string): boolean {
  const { is, reason } = endOf(draft.runs(id))
  end(draft, id, is, reason)
  return true
}

/** Before a wave. */
function openOn(on: Walk): boolean {
  const { draft, id, rollout } = on
  if (deferReboots(draft, id, on.runs)) return true
  const ready = on.runs.filter(({ now }) => now.is === 'ready' || now.is === 'waiting')
  const candidates = ready.filter((run) => !isUnknown(draft, rollout, run))
  if (candidates.length === 0) {
    if (ready.length > 0) return wait(on, 'window', 'whether its hosts may reboot now is being looked at')
    const coming = on.runs.filter(isComing)
    if (coming.length > 0) return wait(on, 'gate', `${coming.map(({ host }) => host).join(', ')}: not prepared yet`)
    if (on.runs.some(isMoving)) return false
    return leave(on)
  }
  const closed = closedBy(draft.state, rollout, draft.moment.atMs)
  if (closed !== null) return wait(on, closed.on, closed.reason)
  const due = rollout.hooks.filter(({ before, now }) => before <= rollout.stage.at && now !== 'done')
  for (const hook of rollout.policy.hooks) {
    const run = due.find(({ name }) => name === hook.name)
    if (run !== undefined) return hookOn(on, hook, run)
  }
  if (checksOf(rollout).length > 0)
    draft.event(
      id,
      'gate.open',
      checksOf(rollout)
        .map(({ text }) => text)
        .join('; '),
    )
  pickWave(draft, id, candidates, on.stage)
  return true
}

function isComing({ now }: HostRun): boolean {
  return now.is === 'pending' || now.is === 'prefetching'
}

/** Once in a rollout: it is written down as running before it runs, and a person says whether it runs again. */
function hookOn(on: Walk, { name, reversible, run, deadline }: Hook, hook: HookRun): boolean {
  const { draft, id, rollout } = on
  if (hook.now === 'failed') return pauseOn(draft, id, 'hook', `hook ${name}: ${hook.reason}`)
  if (hook.now === 'running') return wait(on, 'hook', `hook ${name} runs`)
  const hooks = rollout.hooks.map((one) => (one === hook ? { ...one, now: 'running' as const } : one))
  draft.edit({ ...rollout, hooks, irreversible: rollout.irreversible || !reversible })
  draft.event(id, 'hook.running', reversible ? name : `${name}: there is no way back after it`)
  draft.effect({ type: 'run-hook', rollout: id, hook: name, run, deadlineMs: deadline })
  wait(on, 'hook', `hook ${name} runs`)
  return true
}

/** A wave is on its way: it is over when each of its hosts has come to rest. */
function activeOn(on: Walk): boolean {
  const { draft, id, runs } = on
  if (beginWaiting(draft, id)) return true
  if (runs.some((run) => isMoving(run) || run.now.is === 'waiting')) return false
  if (runs.some((run) => run.now.is === 'ready' || isComing(run))) return turnTo(on, { is: 'waiting', on: 'gate' }, '')
  return leave(on)
}

/** No host is left to begin: what was changed soaks, and a stage in which nothing was is over. */
function leave(on: Walk): boolean {
  if (!on.runs.some(({ now }) => now.is === 'soaking')) return finish(on)
  on.draft.event(on.id, 'stage.soaking', on.stage.name)
  return turnTo(on, { is: 'soaking' }, '')
}

function soakOn(on: Walk): boolean {
  const { draft, rollout, stage, runs } = on
  if (runs.some((run) => run.now.is === 'ready' || isComing(run))) return turnTo(on, { is: 'waiting', on: 'gate' }, '')
  if (runs.some(isMoving)) return false
  const isPromoted = rollout.promotedTo > rollout.stage.at
  if (!isPromoted && draft.moment.atMs - rollout.stage.sinceMs < stage.soakMs) return false
  const soaking = runs.filter(({ now }) => now.is === 'soaking')
  if (soaking.some(({ job }) => draft.state.rollouts.streaks.get(job)?.ok !== true)) return false
  for (const run of soaking) draft.move(run, { to: { is: 'done' }, reason: run.reason })
  const isAsked = stage.promote === 'manual' && !isPromoted && hasMore(on)
  return isAsked ? wait(on, 'approval', `stage ${stage.name} is done`) : finish(on)
}

/** There is somebody left to go on to. */
function hasMore({ draft, id, rollout }: Walk): boolean {
  return draft.runs(id).some((run) => run.stage > rollout.stage.at && (run.now.is === 'ready' || isComing(run)))
}

function approveOn(on: Walk): boolean {
  const { rollout, runs } = on
  if (runs.some((run) => run.now.is === 'ready' || isComing(run))) return turnTo(on, { is: 'waiting', on: 'gate' }, '')
  return rollout.promotedTo > rollout.stage.at ? finish(on) : false
}

function finish(on: Walk): boolean {
  const { draft, id, rollout, stage } = on
  draft.event(id, 'stage.finished', stage.name)
  draft.stage(id, { at: rollout.stage.at + 1, now: { is: 'waiting', on: 'gate' }, reason: '' })
  return true
}

function turnTo({ draft, id }: Walk, now: StageNow, reason: string): boolean {
  draft.stage(id, { now, reason })
  return true
}

/** Says once what it waits for; a text that changes is for people, and is not written down each time. */
function wait({ draft, id }: Walk, on: 'gate' | 'window' | 'hook' | 'approval', reason: string): boolean {
  const rollout = draft.rollout(id)
  const { now, reason: before } = rollout.stage
  if (now.is === 'waiting' && now.on === on && before !== '') {
    if (before === reason) return false
    draft.hush({ ...rollout, stage: { ...rollout.stage, reason } })
    return false
  }
  if (on === 'gate' || on === 'window') draft.event(id, 'gate.closed', reason)
  else draft.event(id, 'stage.waiting', reason)
  draft.stage(id, { now: { is: 'waiting', on }, reason })
  return true
}
