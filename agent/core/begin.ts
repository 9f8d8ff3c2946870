import type { Claim } from '../../protocol/authority.ts'
import type { JobRecord } from '../../protocol/rebuild.ts'
import { type Job, newJob } from './job.ts'
import type { AgentState, Duty, Policy, TargetRecord, TargetSpec } from './state.ts'

/** The state of an agent that has just started: what its disk says, and nothing seen yet. */
export function begin(facts: {
  readonly policy: Policy
  readonly bootId: string
  readonly seen: Claim | null
  readonly specs: readonly TargetSpec[]
  readonly records: ReadonlyMap<string, TargetRecord>
  /** Absent where this host takes no rebuilds. */
  readonly jobs?: ReadonlyMap<string, JobRecord>
  readonly atMs: number
}): AgentState {
  const duties = facts.specs.map((spec): [string, Duty] => [
    spec.name,
    dutyOf(spec, facts.records.get(spec.name), facts.atMs),
  ])
  return {
    policy: facts.policy,
    bootId: facts.bootId,
    seen: facts.seen,
    kept: facts.seen,
    duties: new Map(duties),
    links: new Map(),
    coordinatorHeardMs: facts.atMs,
    probes: new Map(),
    selfDrain: { count: 0, lastAtMs: 0 },
    rebuilds: facts.jobs === undefined ? null : { jobs: jobsOf(facts.jobs), refused: null },
    askers: [],
  }
}

function jobsOf(records: ReadonlyMap<string, JobRecord>): ReadonlyMap<string, Job> {
  return new Map([...records].map(([job, record]) => [job, newJob(record)]))
}

function dutyOf(spec: TargetSpec, record: TargetRecord | undefined, atMs: number): Duty {
  return {
    spec,
    record: record ?? { marker: null, opening: null },
    durable: true,
    allowed: false,
    undecidedSinceMs: atMs,
    work: { is: 'rest' },
    round: 0,
    view: null,
    drifted: false,
    breaches: 0,
    waiters: [],
  }
}
