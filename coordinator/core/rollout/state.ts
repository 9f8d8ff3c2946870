import type { Budget, RolloutPolicy, Stage } from '../../../protocol/rollout/policy.ts'
import type { JobAction, JobSource } from '../../../protocol/v2/job.ts'

// A rollout is one run of a frozen plan, a host run is one host in it. Every value is fit for JSON: the store keeps them as
// they are. `…Ms` is the boot's monotonic clock unless it says wall; `rebased` restarts the spans in another boot.

/** Where nothing happens any more without a person. */
export type RolloutEnd = 'discarded' | 'succeeded' | 'failed' | 'aborted' | 'rolled-back' | 'rollback-failed'

export type RolloutNow =
  | { readonly is: 'planning' | 'planned' | 'running' | 'aborting' | 'rolling-back' }
  | {
      readonly is: 'paused'
      /** What `resume` goes back to. */
      readonly was: 'running' | 'rolling-back'
      readonly by: 'operator' | 'failure' | 'hook' | 'takeover'
    }
  | { readonly is: RolloutEnd }

/** A stage of the policy with the hosts that it has; the coordinator's own host has one to itself. */
export interface StagePlan {
  readonly name: string
  readonly maxParallel: number
  readonly soakMs: number
  readonly promote: Stage['promote']
  readonly window: string | null
}

export type StageNow =
  | { readonly is: 'waiting'; readonly on: 'gate' | 'window' | 'hook' | 'approval' }
  /** A wave is on its way. */
  | { readonly is: 'active' }
  | { readonly is: 'soaking' }

/** The stage that a rollout has come to. Those before it are done. */
export interface StageProgress {
  readonly at: number
  readonly now: StageNow
  readonly sinceMs: number
  readonly reason: string
  /** Counts the waves of the whole rollout; the runs that carry this number are the one on its way. */
  readonly wave: number
}

export interface HookRun {
  readonly name: string
  /** Index of the stage before which it runs. */
  readonly before: number
  readonly now: 'pending' | 'running' | 'done' | 'failed'
  readonly reason: string
}

/** What `start` was asked with. */
export interface StartOptions {
  readonly maxParallel: number | null
  readonly skipStages: readonly string[]
  readonly drain: boolean
  readonly allowReboot: boolean
}

export interface Rollout {
  readonly id: string
  /** The plan request's id: asked again it is the same rollout, and what every id of its jobs and holds comes from. */
  readonly request: string
  readonly policyName: string
  /** Frozen with the plan: a change of the configuration is for the next one. */
  readonly policy: RolloutPolicy
  readonly mode: 'closure' | 'flake'
  readonly revision: string | null
  readonly selector: string
  readonly operator: string
  readonly message: string
  readonly meta: Readonly<Record<string, string>>
  /** Wall clock, only shown. */
  readonly createdMs: number
  readonly endedMs: number | null
  readonly stages: readonly StagePlan[]
  readonly hooks: readonly HookRun[]
  /** The hash that was started; null before. */
  readonly plan: string | null
  readonly options: StartOptions
  readonly now: RolloutNow
  readonly sinceMs: number
  readonly reason: string
  readonly stage: StageProgress
  /** Stages below this one neither soak nor wait for approval. */
  readonly promotedTo: number
  /** So many failures were seen by whoever resumed it. */
  readonly forgiven: number
  /** A hook without a way back has begun. */
  readonly irreversible: boolean
}

export type RunNow =
  | {
      readonly is:
        | 'pending'
        | 'prefetching'
        | 'ready'
        | 'noop'
        | 'skipped'
        | 'waiting'
        | 'draining'
        | 'drained'
        | 'activating'
        | 'rebooting'
        | 'verifying'
        | 'undraining'
        | 'serving'
        | 'committing'
        | 'soaking'
        | 'done'
        | 'failed'
        | 'lost'
        | 'interrupted'
        | 'reverted'
        | 'revert-failed'
    }
  | { readonly is: 'blocked'; readonly by: 'offline' | 'unfit' | 'job' }
  | { readonly is: 'deferred'; readonly until: 'window' | 'leave' }
  /** Drained where it is open, back on what ran before, judged, and opened. */
  | { readonly is: 'reverting'; readonly step: RevertStep }

/** `asking`: it failed to go back, and is told once more. */
export type RevertStep = 'draining' | 'asking' | 'switching' | 'judging' | 'opening'

/** What its job said last, kept for when the host is silent. */
export interface RunFacts {
  readonly action: JobAction | null
  readonly bootOnce: boolean
  readonly rebootReasons: readonly string[]
  readonly blockers: readonly string[]
  readonly touches: readonly string[]
  readonly system: string | null
  readonly previous: string | null
  readonly exit: number | null
}

export interface HostRun {
  readonly rollout: string
  readonly host: string
  /** Index of its stage. */
  readonly stage: number
  readonly attempt: number
  readonly job: string
  readonly source: JobSource
  /** The system that runs is replaced though nobody knows it. */
  readonly adopt: boolean
  readonly now: RunNow
  readonly sinceMs: number
  /** What it waits for or why it is so, for a person. */
  readonly reason: string
  /** Its wave; null before it has one. */
  readonly wave: number | null
  /** When it took its slot; null while it has none. */
  readonly slotMs: number | null
  /** Its hold that stands; null where it has put none. */
  readonly hold: string | null
  /** How many holds it has put: each has an id of its own. */
  readonly holds: number
  readonly facts: RunFacts
  /** The word to activate was given: from here on there is something to go back from. */
  readonly activated: boolean
  /** The boot in which its new system was first seen; null before. */
  readonly bootId: string | null
  /** On the coordinator's own host: how many agents a new coordinator must reach; null elsewhere. */
  readonly agents: number | null
  /** It is to go back: an operator or a failure elsewhere said so. */
  readonly back: boolean
  /** After it has gone back it begins anew. */
  readonly again: boolean
  /** A person gave up its slot. */
  readonly released: boolean
  /** The first thing that went wrong in this attempt. */
  readonly failure: { readonly step: string; readonly reason: string } | null
}

/** A machine that is no host of guardian and may reboot. */
export interface FleetLock {
  readonly id: string
  /** The budget that it counts against. */
  readonly group: string
  /** Wall clock, only shown. */
  readonly sinceMs: number
}

/** What an adapter found when it looked at a wanted condition. */
export interface Told {
  readonly ok: boolean
  readonly reason: string
  readonly atMs: number
}

export interface Streak {
  readonly ok: boolean
  readonly sinceMs: number
}

/** The last order to one job. */
export interface SentJob {
  readonly meaning: string
  readonly againAtMs: number
  readonly attempt: number
}

export interface Rollouts {
  /** By id, oldest first. */
  readonly all: ReadonlyMap<string, Rollout>
  /** By rollout and host, in the order of the plan. */
  readonly runs: ReadonlyMap<string, ReadonlyMap<string, HostRun>>
  readonly locks: ReadonlyMap<string, FleetLock>
  readonly nextRollout: number
  readonly nextEvent: number
  // What follows is forgotten by a restart, which only makes it wait longer.
  readonly conditions: ReadonlyMap<string, Told>
  /** By job: since when the host has been well, or not, without a break. */
  readonly streaks: ReadonlyMap<string, Streak>
  /** By job. */
  readonly orders: ReadonlyMap<string, SentJob>
}

/** What the operator configured for rebuilds. */
export interface RebuildPlan {
  readonly policies: ReadonlyMap<string, RolloutPolicy>
  /** Without any there is one: of all hosts one at a time. */
  readonly budgets: ReadonlyMap<string, Budget>
  /** The host that this coordinator runs on; null where it is none of the fleet. */
  readonly self: string | null
}

export const noRollouts: Rollouts = {
  all: new Map(),
  runs: new Map(),
  locks: new Map(),
  nextRollout: 1,
  nextEvent: 1,
  conditions: new Map(),
  streaks: new Map(),
  orders: new Map(),
}
