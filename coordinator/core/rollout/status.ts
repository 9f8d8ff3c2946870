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
import type { HostRun, Rollout } from './state.ts'

/**
 * Everything that `guardian ctl rollout status` shows. `hash` is that of `planText`, null where it is not planned yet.
 * @throws GuardianError `not-found`
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
    stages: rollout.stages.map((_, at) => stageStatus(rollout, runs, at, atMs)),
    budgets: budgetStatuses(state),
    hosts: runs.map((run) => runStatus(state, rollout, run, atMs)),
  }
}

function since(atMs: number, sinceMs: number): number {
  return Math.max(0, Math.floor(atMs - sinceMs))
}

/** As docs/decisions has them: what a script has to know of the end. */
function exitOf(rollout: Rollout, runs: readonly HostRun[]): number {
  switch (rollout.now.is) {
    case 'planning':
    case 'discarded':
    case 'running':
    case 'aborting':
    case 'rolling-back':
      return rollout.stage.now.is === 'waiting' && rollout.stage.now.on === 'approval' ? 6 : 0
    case 'planned':
      return runs.some(({ now }) => now.is === 'blocked') ? 7 : 0
    case 'succeeded':
      return runs.some(({ now }) => now.is === 'skipped' || now.is === 'deferred' || now.is === 'blocked') ? 10 : 0
    case 'paused':
      return rollout.now.by === 'operator' || rollout.now.by === 'takeover' ? 6 : exitOfFailures(runs)
    case 'failed':
      return exitOfFailures(runs)
    case 'aborted':
      return runs.some(({ failure }) => failure !== null) ? exitOfFailures(runs) : 6
    case 'rolled-back':
      return 4
    case 'rollback-failed':
      return 5
    default:
      return rollout.now satisfies never
  }
}

function exitOfFailures(runs: readonly HostRun[]): number {
  if (runs.some(({ now }) => now.is === 'revert-failed' || now.is === 'lost')) return 5
  const failed = runs.filter(({ failure }) => failure !== null)
  return failed.length > 0 && failed.every(({ now }) => now.is === 'reverted') ? 4 : 3
}

function stageStatus(
  rollout: Rollout,
  all: readonly HostRun[],
  at: number,
  atMs: number,
): RolloutStatus['stages'][number] {
  const { stage: progress, stages, policy, hooks } = rollout
  const runs = all.filter(({ stage }) => stage === at)
  const plan = stages[at] ?? { name: '', maxParallel: 1, soakMs: 0, promote: 'auto' as const, window: null }
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
        const reversible = policy.hooks.find((hook) => hook.name === name)?.reversible ?? true
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
