import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Host } from './host.ts'

const program = fileURLToPath(new URL('switch-to-configuration', import.meta.url))

/** When it goes wrong, and how. */
export type Breakage =
  | 'boot hang'
  | 'check exit'
  | 'init exit'
  | 'activation exit'
  | 'activation hang'
  | 'activation chatter'
  | 'kernel panic'

/** What a NixOS system is to be. */
export interface SystemPlan {
  /** Whose it is, and how it differs from others of that host: parts of its name. */
  readonly host: string
  readonly name: string
  /** Text of its units by name, with drop-ins and links of `.wants` as `<unit>.d/…` and `<target>.wants/<unit>`. */
  readonly units: Readonly<Record<string, string>>
  readonly breaks?: Breakage
  readonly kernel?: string
  readonly inhibitors?: readonly string[]
  /** Version of the one package that it has. */
  readonly version?: string
}

/** Builds systems with Nix, signs them, and carries them to hosts, each of which has a cache of its own. */
export interface Builder {
  build(plan: SystemPlan): Promise<string>
  /** What was built so far is to be had by these hosts. */
  carry(to: readonly Host[]): Promise<void>
}

export async function openBuilder(on: Host): Promise<Builder> {
  await mkdir(join(on.root, 'srv/systems'), { recursive: true })
  const nix = (...args: readonly string[]) => on.run('nix', ...args)
  return {
    async build(plan) {
      const place = `/srv/systems/${plan.host}-${plan.name}`
      await layTree(join(on.root, place), plan)
      const built = await nix('build', '--impure', '--no-link', '--print-out-paths', '--expr', expression(place, plan))
      const path = built.trim()
      await nix('copy', '--to', 'file:///srv/cache?secret-key=/etc/nix/lab.secret&compression=none', path)
      return path
    },
    async carry(to) {
      await Promise.all(
        to
          .filter((host) => host !== on)
          .map(async ({ root }) => {
            await cp(join(on.root, 'srv/cache'), join(root, 'srv/cache'), { recursive: true })
            await rm(join(root, 'etc/nix/lab.secret'), { force: true })
          }),
      )
    },
  }
}

function expression(place: string, { host, name, version = '1.0' }: SystemPlan): string {
  const derivation = (words: string) =>
    `derivation { system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; ${words} }`
  const app = derivation(
    `name = "app-${version}"; args = [ "-c" "mkdir $out; echo ${version} >$out/version; head -c 200000 /dev/zero >$out/app" ];`,
  )
  return derivation(
    `name = "nixos-system-${host}-${name}"; src = ${place}; app = ${app}; args = [ "-c" "cp -r $src $out; chmod -R u+w $out; ln -s $app $out/sw" ];`,
  )
}

async function layTree(tree: string, plan: SystemPlan): Promise<void> {
  const { host, units, breaks = '', kernel = '6.12', inhibitors } = plan
  const files: Record<string, string> = {
    'nixos-version': '26.05\n',
    'etc/hostname': `${host}\n`,
    'system.conf': `breaks_on='${breaks.split(' ')[0] ?? ''}' breaks='${breaks.split(' ')[1] ?? ''}'\n`,
    kernel: `${kernel}\n`,
    initrd: `for ${kernel}\n`,
    'kernel-modules': `of ${kernel}\n`,
    init: '#!/bin/sh\n',
    ...(inhibitors === undefined ? {} : { 'switch-inhibitors': JSON.stringify(inhibitors) }),
    ...Object.fromEntries(Object.entries(units).map(([name, text]) => [`etc/systemd/system/${name}`, text])),
  }
  await rm(tree, { recursive: true, force: true })
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true })
    await writeFile(join(tree, path), text)
  }
  await mkdir(join(tree, 'bin'))
  await cp(program, join(tree, 'bin/switch-to-configuration'))
}
