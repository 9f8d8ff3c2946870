import type { JobResults } from '../../protocol/rebuild.ts'

/** What is as it is when a host goes back, or has come up again. */
export interface HostSight {
  readonly bootId: string
  readonly current: string | null
  readonly booted: string | null
  readonly profile: string | null
  /** What the loader starts by itself; null where that cannot be read. */
  readonly loader: string | null
}

export interface JobMemory extends JobResults {
  readonly system: string
  readonly previous: string
  /** A commit was begun and may have been cut short. */
  readonly committing: boolean
  /** The boot in which the host was rebooted in order to go back. */
  readonly leaving: string | null
}

/**
 * `finish`: run the switch that was cut short once more, so that it starts what it has stopped.
 * `profile`, `boot`, `switch`: the previous system is the profile, what the loader starts, what runs.
 */
export type BackStep = 'finish' | 'profile' | 'boot' | 'switch' | 'reboot'

/**
 * The way back, once no switch runs any more. What a boot would start comes first, so that a power cut on the way ends
 * where the way ends.
 */
export function stepsBack(job: JobMemory, sight: HostSight): readonly BackStep[] {
  const { activation, exit, previous, system } = job
  if (activation === null) return []
  const steps: BackStep[] = []
  const isSameBoot = activation.bootId === sight.bootId
  const isCut = exit === null || exit.cut
  if (activation.kind === 'live' && isSameBoot && isCut) steps.push('finish')
  steps.push(...bootSteps(job, sight))
  // Its kernel runs: only a boot brings the other one back.
  if (activation.kind === 'reboot' && sight.booted === system) return [...steps, 'reboot']
  if (sight.current !== previous || (activation.kind === 'live' && isSameBoot)) steps.push('switch')
  return steps
}

/** What a boot would start is the previous system again. */
export function bootSteps(job: JobMemory, { profile, loader }: HostSight): readonly BackStep[] {
  const steps: BackStep[] = []
  if (profile !== job.previous) steps.push('profile')
  const isMoved = job.committing || job.commit !== null || job.activation?.kind === 'reboot'
  if (loader === null ? isMoved || steps.length > 0 : loader !== job.previous) steps.push('boot')
  return steps
}

/** Whether the host is back where it was: read, not assumed. */
export function verdictBack(job: JobMemory, { current, profile, loader }: HostSight): { ok: boolean; reason: string } {
  const { previous } = job
  const wrong: string[] = []
  if (current !== previous) wrong.push(`${current ?? 'nothing'} runs`)
  if (profile !== previous) wrong.push(`the profile is ${profile ?? 'nothing'}`)
  if (loader !== null && loader !== previous) wrong.push(`the loader would start ${loader}`)
  return { ok: wrong.length === 0, reason: wrong.length === 0 ? '' : `${wrong.join(', ')}, and not ${previous}` }
}
