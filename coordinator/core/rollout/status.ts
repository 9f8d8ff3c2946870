import { limits } from '../../../protocol/limits.ts'
import { asMessage } from '../../../protocol/names.ts'
import type { RolloutStatus, RunStatus } from '../../../protocol/rollout/api.ts'
import type { FleetState } from '../state.ts'
import { budgetStatuses } from './budgets.ts'
import { verdictOf } from './health.ts'
import { holdsSlot, isMoving, phaseOf, runsOf } from './kinds.ts'
import { nextCommands } from './next-commands.ts'
import { jobOf, type Scene } from './scene.ts'
import { isSettled } from './settled.ts'
import { rolloutNamed } from './start.ts'
import type { HostRun, Rollout, StagePlan } from './state.ts'

/**
 * Everything that `guardian ctl rollout status` shows. `hash` is that of `planText`, null where it is not planned yet.
 * @throws GuardianError `unknown-rollout`
 */
export function rolloutStatus(state: FleetState, id: string, atMs: number, hash: string | null): RolloutStatus {
  const rollout = rolloutNamed(state, id)
  const runs = [...runsOf(state, id).values()]
  return {
    id,
    is: rollout.now.is,
    reason: rollout.reason,
    sinceMs: since(atMs, rollout.sinceMs),
    next: nextCommands(rollout, runs),
    policy: rollout.policyName,
    plan: rollout.plan ?? hash,
    createdMs: rollout.createdMs,
    operator: rollout.operator,
    message: rollout.message,
    meta: { ...rollout.meta },
    mode: rollout.mode,
    revision: rollout.revision,
    irreversible: rollout.irreversible,
    settled: isSettled(rollout, runs),
    exit: exitOf(rollout, runs),
    stages: rollout.stages.map((plan, at) => stageStatus(rollout, runs, { ...plan, at }, atMs)),
    budgets: budgetStatuses(state),
    hosts: runs.map((run) => runStatus(state, rollout, run, atMs)),
  }
}

function since(atMs: number, sinceMs: number): number {
  return Math.max(0, Math.floor(atMs - sinceMs))
}

/** What a script has to know of the end; 0 while there is none. What needs a person most stands first. */
function exitOf(rollout: Rollout, runs: readonly HostRun[]): number {
  const { now } = rollout
  if (!isSettled(rollout, runs)) return 0
  const has = (...states: readonly RunStatus['is'][]) => runs.some((run) => states.includes(run.now.is))
  if (has('revert-failed') || now.is === 'rollback-failed') return 5
  if (has('failed', 'lost')) return 3
  if (has('reverted', 'interrupted') || now.is === 'rolled-back') return 4
  if (now.is === 'paused' && now.by === 'hook') return 3
  if (now.is === 'succeeded') return has('skipped', 'deferred', 'blocked') ? 10 : 0
  if (now.is === 'planned') return has('blocked') ? 7 : 0
  if (now.is === 'paused' || now.is === 'running') return 6
  return runs.some(({ activated, holds }) => activated || holds > 0) ? 3 : 7
}

function stageStatus(
  rollout: Rollout,
  all: readonly HostRun[],
  plan: StagePlan & { readonly at: number },
  atMs: number,
): RolloutStatus['stages'][number] {
  const { stage: progress, policy, hooks } = rollout
  const { at } = plan
  const runs = all.filter(({ stage }) => stage === at)
  const isNow = at === progress.at && rollout.now.is !== 'planning' && rollout.now.is !== 'planned'
  const { is } = progress.now
  const isSoaking = isNow && is === 'soaking'
  return {
    name: plan.name,
    is: isNow ? is : at < progress.at ? 'done' : 'pending',
    reason: isNow ? progress.reason : '',
    leftMs: isSoaking ? Math.max(0, Math.floor(plan.soakMs - (atMs - progress.sinceMs))) : null,
    maxParallel: plan.maxParallel,
    promote: plan.promote,
    hosts: runs.length,
    ended: runs.filter(hasEnded).length,
    hooks: hooks
      .filter(({ before }) => before === at)
      .map(({ name, now }) => {
        const reversible = !policy.hooks.some((hook) => hook.name === name && !hook.reversible)
        return { name, reversible, is: now }
      }),
  }
}

function hasEnded(run: HostRun): boolean {
  const { is } = run.now
  return (
    phaseOf(run) === 'after' || is === 'noop' || is === 'skipped' || (phaseOf(run) === 'troubled' && !isMoving(run))
  )
}

export function runStatus(state: FleetState, rollout: Rollout, run: HostRun, atMs: number): RunStatus {
  const job = jobOf(state, run)
  const { facts } = run
  return {
    host: run.host,
    stage: run.stage,
    is: run.now.is,
    sinceMs: since(atMs, run.sinceMs),
    reason: asMessage(reasonOf({ state, rollout, run, job, streak: null, atMs })),
    attempt: run.attempt,
    action: job?.action ?? facts.action,
    bootOnce: job?.bootOnce ?? facts.bootOnce,
    rebootReasons: [...(job?.rebootReasons ?? facts.rebootReasons)],
    blockers: [...(job?.blockers ?? facts.blockers)],
    touches: [...(job?.touches ?? facts.touches)].slice(0, limits.dependentsMax),
    system: job?.system ?? facts.system,
    previous: job?.previous ?? facts.previous,
    job: run.job,
    exit: job?.exit ?? facts.exit,
    health: job?.health ?? null,
    holdsSlot: holdsSlot(run),
  }
}

/** What its agent is about just now says more than why it came here. */
function reasonOf(scene: Scene): string {
  const { run, job, state } = scene
  if (phaseOf(run) !== 'underway') return run.now.is === 'prefetching' && job !== null ? job.reason : run.reason
  const link = state.hosts.get(run.host)?.link
  if (link?.is === 'down') return `its agent is not connected: ${link.reason}`
  const verdict = verdictOf(scene)
  if (verdict !== null && !verdict.ok) return verdict.reason
  return run.reason === '' ? (job?.reason ?? '') : run.reason
}
