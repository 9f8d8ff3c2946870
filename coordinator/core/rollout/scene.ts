import type { JobReport } from '../../../protocol/v2/job.ts'
import type { FleetHold, FleetState } from '../state.ts'
import type { HostRun, Rollout, RunFacts, RunNow, Streak } from './state.ts'

/** One run and all that is known of its host. */
export interface Scene {
  readonly state: FleetState
  readonly rollout: Rollout
  readonly run: HostRun
  /** What its job says on the link of now; null where the host is silent or has no such job. */
  readonly job: JobReport | null
  /** How its host has been since the run came into this state; null where that is not judged. */
  readonly streak: Streak | null
  readonly atMs: number
}

/** Where a run goes, and what becomes durable with it. */
export interface Move {
  readonly to: RunNow
  readonly reason: string
  readonly more?: Partial<HostRun>
  readonly put?: FleetHold
  /** Its hold ends. */
  readonly release?: boolean
}

export function jobOf(state: FleetState, run: HostRun): JobReport | null {
  const host = state.hosts.get(run.host)
  if (host?.link.is !== 'up') return null
  const job = host.jobs?.find((one) => one.job === run.job)
  // An agent that has just begun tells of its jobs before it has looked at them.
  return job === undefined || (job.is === 'prefetching' && run.now.is !== 'prefetching') ? null : job
}

export const noFacts: RunFacts = {
  action: null,
  bootOnce: false,
  rebootReasons: [],
  blockers: [],
  touches: [],
  system: null,
  previous: null,
  exit: null,
}

/** What is kept of a report. */
export function factsOf(job: JobReport): RunFacts {
  const { action, bootOnce, rebootReasons, blockers, touches, system, previous, exit } = job
  return { action, bootOnce, rebootReasons, blockers, touches, system, previous, exit }
}

export function spentMs({ run, atMs }: Scene): number {
  return atMs - run.sinceMs
}

/** Time for the last word to arrive, beyond any limit that a host keeps by itself. */
export const marginMs = 60_000

/** The host's own limit for its activation. */
export function activationMs({ rollout: { policy }, run }: Scene): number {
  return run.facts.action === 'reboot' || policy.activate.mode === 'reboot'
    ? policy.activate.deadline + policy.reboot.deadline
    : policy.activate.deadline
}

/** So long a silent host may still be at work or go back by itself; what is beyond it nobody knows. */
export function silenceMs(scene: Scene): number {
  return activationMs(scene) + scene.rollout.policy.confirm.timeout + marginMs
}

export function isSilent(scene: Scene): boolean {
  const link = scene.state.hosts.get(scene.run.host)?.link
  return link?.is === 'down' && scene.atMs - link.sinceMs >= silenceMs(scene)
}

/** It can tell of its job now: whatever its limits have passed without is its own doing. */
export function isHeard({ state, run }: Scene): boolean {
  const host = state.hosts.get(run.host)
  return host?.link.is === 'up' && host.jobs !== null
}

/** Something went wrong: what becomes of the host is decided where failures are. */
export function failed({ run }: Scene, step: string, reason: string): Move {
  return { to: { is: 'failed' }, reason, more: { failure: run.failure ?? { step, reason } } }
}
