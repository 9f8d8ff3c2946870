import type { JobAction } from '../../protocol/v2/job.ts'

/** What of a system only a boot can change: what a link points to, or what a file holds; null where there is none. */
export interface Kernelside {
  readonly kernel: string | null
  readonly initrd: string | null
  readonly 'kernel-modules': string | null
  readonly 'reboot-triggers': readonly string[]
}

export interface PlanFacts {
  readonly system: string
  readonly current: string | null
  readonly profile: string | null
  readonly next: Kernelside
  readonly booted: Kernelside
  /** Names whose change a running system cannot follow. */
  readonly inhibitors: { readonly next: readonly string[]; readonly current: readonly string[] }
}

export interface ActionPlan {
  readonly action: JobAction
  readonly rebootReasons: string[]
}

/** What a system does to the host it comes to. */
export function actionOf(facts: PlanFacts): ActionPlan {
  const { system, current, profile } = facts
  const rebootReasons = reasonsToReboot(facts)
  if (system === current && system === profile && rebootReasons.length === 0) return { action: 'noop', rebootReasons }
  return { action: rebootReasons.length === 0 ? 'live' : 'reboot', rebootReasons }
}

function reasonsToReboot({ next, booted, inhibitors }: PlanFacts): string[] {
  const parts = (['kernel', 'initrd', 'kernel-modules'] as const).filter((part) => next[part] !== booted[part])
  const triggers = changed(booted['reboot-triggers'], next['reboot-triggers'])
  const inhibited = changed(inhibitors.current, inhibitors.next)
  return [
    ...parts.map((part) => `another ${part} than the one that was booted`),
    ...triggers.map((name) => `reboot trigger ${name} changes`),
    ...inhibited.map((name) => `${name} cannot be switched while it runs`),
  ].slice(0, 16)
}

function changed(before: readonly string[], after: readonly string[]): readonly string[] {
  const gone = before.filter((name) => !after.includes(name))
  return [...gone, ...after.filter((name) => !before.includes(name))]
}
