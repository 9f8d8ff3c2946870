import { realpathSync } from 'node:fs'
import { monotonicMs, readBootId } from '../daemon/clock.ts'
import { type Loader, openLoader } from './adapters/loader.ts'
import { type Memory, openMemory } from './adapters/memory.ts'
import { type Nix, openNix } from './adapters/nix.ts'
import { type Places, placesOf } from './adapters/places.ts'
import { openSystems, type Systems } from './adapters/systems.ts'
import { type Ended, type Run, run } from './adapters/tools.ts'
import { openUnits, type TransientUnits } from './adapters/units.ts'
import type { RebuildConfig } from './config.ts'
import type { HostSight } from './core/way-back.ts'

/** Everything that an action looks at and touches. */
export interface World {
  readonly config: RebuildConfig
  readonly places: Places
  readonly systems: Systems
  readonly nix: Nix
  readonly loader: Loader
  readonly units: TransientUnits
  readonly memory: Memory
  readonly run: Run
  /** This program by absolute paths. */
  readonly program: readonly string[]
  readonly bootId: string
  readonly nowMs: () => number
  sight(): Promise<HostSight>
  /** Runs a system's own program for it. */
  switchTo(system: string, verb: SwitchVerb, limitMs: number): Promise<Ended>
}

export type SwitchVerb = 'test' | 'boot' | 'dry-activate'

export async function openWorld(config: RebuildConfig): Promise<World> {
  const places = placesOf(config)
  const nix = openNix(config, places, run)
  const loader = openLoader(config.boot, places, run)
  const memory = openMemory(config.stateDir)
  const script = realpathSync(process.argv[1] ?? '')
  const program = [process.execPath, ...process.execArgv, script]
  const bootId = await readBootId(config.bootIdFile)
  return {
    config,
    places,
    systems: openSystems(places),
    nix,
    loader,
    units: openUnits({ config, program: [...program, 'rebuild'], configOf: memory.configOf, bootId, run }),
    memory,
    run,
    program,
    bootId,
    nowMs: monotonicMs,
    async sight() {
      const [current, booted, profile, starts] = await Promise.all([
        places.storePathOf(places.current),
        places.storePathOf(places.booted),
        nix.profile(),
        loader.starts(),
      ])
      return { bootId, current, booted, profile, loader: starts }
    },
    switchTo: (system, verb, limitMs) =>
      run(programOf(places, system), [verb], {
        limitMs,
        env: { NIXOS_INSTALL_BOOTLOADER: '0' },
        shown: verb !== 'dry-activate',
      }),
  }
}

export function programOf({ at }: Places, system: string): string {
  return at(`${system}/bin/switch-to-configuration`)
}
