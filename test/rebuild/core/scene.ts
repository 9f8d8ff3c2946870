import type { HostSight, JobMemory } from '../../../rebuild/core/way-back.ts'

export const system = '/nix/store/22222222222222222222222222222222-nixos-system-web1-2'
export const previous = '/nix/store/11111111111111111111111111111111-nixos-system-web1-1'
export const thisBoot = '1'.repeat(32)
export const otherBoot = '2'.repeat(32)

export const live = { bootId: thisBoot, kind: 'live' } as const
export const reboot = { bootId: thisBoot, kind: 'reboot' } as const
export const good = { bootId: thisBoot, atMs: 0, exit: 0, cut: false, ok: true, reason: '' }
export const cut = { ...good, exit: -1, cut: true, ok: false }

export function memory(more: Partial<JobMemory> = {}): JobMemory {
  return {
    system,
    previous,
    committing: false,
    leaving: null,
    prefetch: null,
    activation: live,
    exit: good,
    commit: null,
    revert: null,
    ...more,
  }
}

/** A host after a switch. */
export function sight(more: Partial<HostSight> = {}): HostSight {
  return { bootId: thisBoot, current: system, booted: previous, profile: previous, loader: previous, ...more }
}
