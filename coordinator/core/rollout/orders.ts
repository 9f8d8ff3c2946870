import type { JobCommand, JobReport, JobWant } from '../../../protocol/v2/job.ts'
import type { FleetEffect, JobOrder } from '../effect.ts'
import { linkOf } from '../links.ts'
import type { Course } from '../reconcile.ts'
import type { FleetState } from '../state.ts'
import { isFromCoordinator } from './health.ts'
import { actionOf, isEnded, runsOf } from './kinds.ts'
import type { HostRun, Rollout, SentJob } from './state.ts'

// Orders follow from what is wanted and what was reported, like those of holds: whatever was lost on the way is said again.

/** How far the job of a run is to be brought; null where nothing is asked of it now. */
export function wantOf({ now, hold }: HostRun): JobWant | null {
  switch (now.is) {
    case 'pending':
    case 'skipped':
    case 'drained':
    case 'verifying':
    case 'undraining':
    case 'serving':
    case 'failed':
    case 'lost':
    case 'interrupted':
    case 'reverted':
    case 'revert-failed':
      return null
    case 'prefetching':
    case 'ready':
    case 'noop':
    case 'deferred':
    case 'waiting':
      return 'prefetched'
    case 'blocked':
      return now.by === 'job' ? 'prefetched' : null
    case 'draining':
      return hold === null ? 'baselined' : null
    case 'activating':
    case 'rebooting':
      return 'active'
    case 'committing':
    case 'soaking':
    case 'done':
      return 'committed'
    case 'reverting':
      return now.step === 'draining' ? null : 'reverted'
    default:
      return now satisfies never
  }
}

/** Compares what the job of every run has come to with what is wanted of it, and orders what is missing. */
export function orderJobs(before: FleetState, atMs: number): Course {
  const effects: FleetEffect[] = []
  let state = before
  for (const rollout of before.rollouts.all.values()) {
    if (isEnded(rollout)) continue
    for (const run of runsOf(before, rollout.id).values()) {
      const want = wantOf(run)
      const host = before.hosts.get(run.host)
      // Nothing is known of the jobs of a host before its first report.
      if (want === null || host?.jobs == null) continue
      const job = host.jobs.find((one) => one.job === run.job) ?? null
      if (isMissing(want, job, run)) state = ordered(state, { rollout, run, job: run.job, want }, atMs, effects)
    }
  }
  return { state: forgotten(state, atMs, effects), effects }
}

function isMissing(want: JobWant, job: JobReport | null, run: HostRun): boolean {
  if (want === 'prefetched') return job === null
  if (want === 'reverted') {
    const isAsked = run.now.is === 'reverting' && run.now.step === 'asking'
    return job === null || (isAsked ? job.is !== 'reverting' : !isReverting(job))
  }
  if (want === 'baselined') return job === null || job.is === 'prefetching' || job.is === 'prefetched'
  // A job that its host has lost is not begun again behind a baseline that is lost too.
  if (want === 'active') return job?.is === 'baselined'
  return job?.is === 'active'
}

function isReverting({ is }: JobReport): boolean {
  return is === 'reverting' || is === 'reverted' || is === 'revert-failed'
}

/** What a host keeps of jobs that are over: the last one that did something to it, as the way back. */
function forgotten(before: FleetState, atMs: number, effects: FleetEffect[]): FleetState {
  let state = before
  for (const [name, { jobs }] of before.hosts) {
    for (const { job, rollout: id } of jobs ?? []) {
      const rollout = before.rollouts.all.get(id)
      const run = runsOf(before, id).get(name)
      if (rollout === undefined || run === undefined || !isDisposable(before, rollout, run, job)) continue
      state = ordered(state, { rollout, run, job, want: 'forgotten' }, atMs, effects)
    }
  }
  return state
}

function isDisposable(state: FleetState, rollout: Rollout, run: HostRun, job: string): boolean {
  if (run.job !== job) return true
  if (!isEnded(rollout)) return run.now.is === 'skipped'
  if (!run.activated) return true
  const later = [...state.rollouts.all.keys()]
  const since = later.slice(later.indexOf(rollout.id) + 1)
  return since.some((id) => runsOf(state, id).get(run.host)?.now.is === 'done')
}

interface Asked {
  readonly rollout: Rollout
  readonly run: HostRun
  readonly job: string
  readonly want: JobWant
}

const resendMaxMs = 30_000

function ordered(state: FleetState, asked: Asked, atMs: number, effects: FleetEffect[]): FleetState {
  const host = asked.run.host
  const link = linkOf(state.hosts.get(host))
  if (link === null) return state
  const { orders } = state.rollouts
  const before = orders.get(asked.job)
  const { now } = asked.run
  const meaning = `${link} ${asked.want} ${now.is === 'reverting' ? now.step : ''}`
  if (before?.meaning === meaning && atMs < before.againAtMs) return state
  const attempt = before?.meaning === meaning ? before.attempt + 1 : 0
  const pauseMs = Math.min(resendMaxMs, state.plan.resendMs * 2 ** Math.min(attempt, 10))
  const sent: SentJob = { meaning, attempt, againAtMs: atMs + pauseMs }
  effects.push({ type: 'send-job', host, link, command: commandOf(state, asked) })
  const rollouts = { ...state.rollouts, orders: new Map(orders).set(asked.job, sent) }
  return { ...state, rollouts, nextCommand: state.nextCommand + 1 }
}

function commandOf(state: FleetState, { rollout, run, job, want }: Asked): JobOrder {
  const { policy } = rollout
  return {
    type: 'job',
    id: `${state.nextCommand}`,
    claim: state.claim,
    job,
    rollout: rollout.id,
    want,
    source: run.source,
    mode: modeOf(rollout, run),
    adopt: run.adopt,
    activateLimitMs: policy.activate.deadline,
    rebootLimitMs: policy.reboot.deadline,
    confirmMs: policy.confirm.timeout,
    settleMs: policy.health.settle,
    probes: Object.entries(policy.health.probes)
      .filter(([, probe]) => !isFromCoordinator(probe))
      .map(([name, probe]) => ({ name, probe })),
    self: run.agents === null ? null : { agents: run.agents },
  }
}

/** Before its slot what the policy prefers, from then on what the plan said. */
function modeOf(rollout: Rollout, run: HostRun): JobCommand['mode'] {
  if (run.slotMs === null && !run.activated) return rollout.policy.activate.mode
  return actionOf(rollout, run) === 'reboot' ? 'reboot' : 'live'
}
