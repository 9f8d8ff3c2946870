import type { JobOrder } from '../../protocol/rebuild.ts'
import { pinnedFlake } from '../../protocol/rollout/flake.ts'

export interface Allowed {
  readonly closure: 'signed' | 'any' | 'never'
  readonly flakes: readonly string[]
  readonly revisions: string
}

/** Why the order is not for this host to follow; empty where it is. An order is what a stranger says. */
export function refusalsOf({ source }: JobOrder, { closure, flakes, revisions }: Allowed): readonly string[] {
  if (source.mode === 'closure')
    return closure === 'never' ? ['rebuild.json takes no given systems here: "closure" is "never"'] : []
  const refusals: string[] = []
  if (!flakes.includes(source.flake))
    refusals.push(`rebuild.json does not allow the flake ${source.flake}: add it to "flakes"`)
  if (!new RegExp(revisions).test(source.revision))
    refusals.push(`rebuild.json does not allow revision ${source.revision}: see "revisions"`)
  return refusals
}

/** What Nix builds for this host of a pinned flake. */
export function installableOf(flake: string, revision: string, host: string): string {
  return `${pinnedFlake(flake, revision)}#nixosConfigurations.${JSON.stringify(host)}.config.system.build.toplevel`
}
