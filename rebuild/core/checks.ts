/** What a system is, as far as it is on this host. */
export interface SystemFacts {
  readonly path: string
  /** It is there, and no link to somewhere else. */
  readonly present: boolean
  /** Has what every NixOS system has. */
  readonly isNixos: boolean
  readonly hostname: string | null
  readonly canSwitch: boolean
  /** Signed by somebody whom this host's Nix trusts; null where that is not asked. */
  readonly signed: boolean | null
}

/** The first thing that is wrong with it, or null; what follows would only be noise. */
export function systemFault(system: SystemFacts, host: string): string | null {
  const { path } = system
  if (!system.present) return `${path} is not in the store of this host`
  if (!system.isNixos || !system.canSwitch) return `${path} is no NixOS system`
  if (system.hostname !== host) return `${path} is a system of ${system.hostname || 'no host'}, not of ${host}`
  if (system.signed === false)
    return `${path} has no signature of a key that this host trusts: sign it, or see "closure" in rebuild.json`
  return null
}

export interface HostFacts {
  readonly current: string | null
  readonly profile: string | null
  /** The system that was committed here last; null where none ever was. */
  readonly committed: string | null
  readonly adopt: boolean
  /** Who switches just now. */
  readonly lockHolder: string | null
  readonly free: readonly { readonly place: string; readonly freeMiB: number; readonly wantedMiB: number }[]
}

/** What stands in the way of any rebuild here, each with its way out. */
export function hostFaults(facts: HostFacts): readonly string[] {
  const { current, profile, committed, adopt, lockHolder } = facts
  const faults: string[] = []
  if (current === null) faults.push('/run/current-system leads to no system of the store: this host does not run NixOS')
  else if (!adopt && committed !== null && committed !== current)
    faults.push(`drifted: ${current} runs, and not ${committed}, which was committed here: adopt it, or undo it`)
  else if (!adopt && profile !== current)
    faults.push(`drifted: ${current} runs, but ${profile ?? 'nothing'} would be booted: adopt it, or undo it`)
  if (lockHolder !== null) faults.push(`another switch runs: ${lockHolder}`)
  for (const { place, freeMiB, wantedMiB } of facts.free) {
    if (freeMiB < wantedMiB)
      faults.push(`${place} has ${freeMiB} MiB free, and not ${wantedMiB} ("freeMiB" in rebuild.json)`)
  }
  return faults
}
