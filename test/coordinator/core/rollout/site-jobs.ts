import type { JobOrder } from '../../../../coordinator/core/effect.ts'
import type { JobReport } from '../../../../protocol/v2/job.ts'

export const oldSystem = systemOf('old')
export const newSystem = systemOf('new')
export const boots = 'b'.repeat(32)

export function systemOf(name: string): string {
  return `/nix/store/${'0'.repeat(32)}-nixos-system-${name}`
}

export const well = { settled: true, failed: [], looping: [], missing: [], probes: [] }

export function freshJob({ job, rollout, source }: JobOrder, bootId: string): JobReport {
  const system = source.mode === 'closure' ? source.system : newSystem
  return {
    ...{ job, rollout, is: 'prefetching', reason: '', blockers: [], action: null, rebootReasons: [], bootOnce: true },
    ...{
      touches: [],
      system,
      previous: oldSystem,
      current: oldSystem,
      profile: oldSystem,
      bootId,
      baselineBootId: null,
    },
    ...{ exit: null, deadManMs: null, health: null },
  }
}

/** What a good host comes to. */
export function done({ want }: JobOrder, job: JobReport, bootId: string): Partial<JobReport> {
  switch (want) {
    case 'prefetched':
      return { is: 'prefetched', action: 'live' }
    case 'baselined':
      return { is: 'baselined', baselineBootId: bootId }
    case 'active':
      return { is: 'active', current: job.system, exit: 0, health: well }
    case 'committed':
      return { is: 'committed', profile: job.system }
    case 'reverted':
      return { is: 'reverted', current: job.previous, profile: job.previous, health: well }
    case 'forgotten':
      return {}
    default:
      return want satisfies never
  }
}
