import type { AgentEffect } from '../../../agent/core/effect.ts'
import type { JobSight, UnitSight } from '../../../agent/core/job.ts'
import { jobReports } from '../../../agent/core/job-report.ts'
import type { JobRecord, JobResults } from '../../../protocol/rebuild.ts'
import type { HelperAction } from '../../../protocol/rebuild-units.ts'
import type { JobCommand, JobReport } from '../../../protocol/v2/job.ts'
import { bootId, claimOf, Scene } from './scene.ts'

export const job = '4f6a2c8e0b1d3f5a7c9e1b3d5f7a9c0e'
export const system = '/nix/store/22222222222222222222222222222222-nixos-system-web1-2'
export const previous = '/nix/store/11111111111111111111111111111111-nixos-system-web1-1'

export const command: JobCommand = {
  type: 'job',
  id: 'c1',
  claim: claimOf(),
  job,
  rollout: 'r1',
  want: 'prefetched',
  source: { mode: 'closure', system },
  mode: 'auto',
  adopt: false,
  activateLimitMs: 600_000,
  rebootLimitMs: 900_000,
  confirmMs: 900_000,
  settleMs: 10_000,
  probes: [],
  self: null,
  logAfter: { plan: null, switch: null },
}

const { type: _type, id: _id, claim: _claim, logAfter: _logAfter, ...order } = command
export const baseline = { bootId, failed: [], restarting: [], active: ['app.service'] }
export const recordOf = (
  more: Partial<JobRecord['order']> = {},
  kept: JobRecord['baseline'] = baseline,
): JobRecord => ({
  order: { ...order, ...more },
  baseline: kept,
})

export const results = {
  prefetch: {
    adopt: false,
    system,
    previous,
    action: 'live',
    rebootReasons: [],
    bootOnce: true,
    touches: ['app.service'],
    blockers: [],
  },
  activation: { bootId, kind: 'live' },
  exit: { bootId, atMs: 0, exit: 0, cut: false, ok: true, reason: '' },
  commit: { ok: true, reason: '' },
  revert: { bootId, atMs: 0, ok: true, reason: '' },
} as const satisfies { readonly [Name in keyof JobResults]: unknown }

type Name = keyof JobResults

/** The results up to this one, as a job that goes well brings them. */
export function upTo(last: Name | 'nothing', more: Partial<JobResults> = {}): JobResults {
  const names: readonly Name[] = ['prefetch', 'activation', 'exit', 'commit', 'revert']
  const has = (name: Name): boolean => last !== 'nothing' && names.indexOf(name) <= names.indexOf(last)
  return {
    prefetch: has('prefetch')
      ? { ...results.prefetch, rebootReasons: [], touches: ['app.service'], blockers: [] }
      : null,
    activation: has('activation') ? results.activation : null,
    exit: has('exit') ? results.exit : null,
    commit: has('commit') ? results.commit : null,
    revert: null,
    ...more,
  }
}

export const quietUnits: UnitSight = { failed: [], restarting: [], restarts: [] }

/** A host that takes rebuilds, with a coordinator on link `c`. */
export class JobScene extends Scene {
  constructor(jobs: ReadonlyMap<string, JobRecord> = new Map()) {
    super({ jobs })
    this.greet('c')
  }

  order(more: Partial<JobCommand> = {}, link = 'c'): readonly AgentEffect[] {
    return this.send({ type: 'job-ordered', link, command: { ...command, ...more } })
  }

  see(found: JobResults, more: Partial<JobSight> = {}, id = job): readonly AgentEffect[] {
    const round = this.state.rebuilds?.jobs.get(id)?.round ?? 0
    const isSystem = found.exit !== null && found.revert === null
    const sight: JobSight = {
      round,
      refused: null,
      known: found.prefetch !== null || found.revert !== null,
      running: null,
      results: found,
      current: isSystem ? system : previous,
      profile: previous,
      deadManMs: null,
      units: null,
      ...more,
    }
    return this.send({ type: 'job-seen', job: id, sight })
  }

  told(id = job): JobReport {
    const found = jobReports(this.state).find((each) => each.job === id)
    if (found === undefined) throw new Error(`nothing is told of ${id}`)
    return found
  }
}

/** What the helper was asked for. */
export function asked(effects: readonly AgentEffect[]): readonly HelperAction[] {
  return effects.flatMap((effect) => (effect.type === 'helper' ? [effect.action] : []))
}

/** A scene with one job that was ordered before. */
export function jobScene(more: Partial<JobRecord['order']> = {}, kept: JobRecord['baseline'] = baseline): JobScene {
  return new JobScene(new Map([[job, recordOf(more, kept)]]))
}
