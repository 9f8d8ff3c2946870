import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Host } from './host.ts'
import type { Builder, SystemPlan } from './nix-system.ts'

const bootctl = fileURLToPath(new URL('bootctl', import.meta.url))
const unitsAt = 'etc/systemd/system'

/** A host whose units come from the system that was booted or switched to, as on NixOS. */
export interface NixHost {
  readonly host: Host
  /** The units of its first system, from which others are made. */
  readonly units: Readonly<Record<string, string>>
  readonly first: string
  /** Switches it on: its firmware and its loader first. */
  boot(): Promise<void>
  /** Pulls the plug, and switches it on again. */
  powerCut(): Promise<void>
  /** Resolves once it has restarted by itself. */
  comesBack(): Promise<void>
  /** Restarts whenever it is told to, until this is disposed of. */
  staysOn(): AsyncDisposable
  /** What runs, what was booted, what the profile leads to, and what the loader starts. */
  seen(): Promise<Seen>
}

export interface Seen {
  readonly current: string
  readonly booted: string
  readonly profile: string
  readonly loader: string
}

/** Puts away what a package brings along: on NixOS all units come from the system. */
export async function beforeInstall(host: Host): Promise<ReadonlySet<string>> {
  const vendor = join(host.root, 'usr/lib/systemd/system')
  for (const name of await readdir(vendor)) {
    if (/^(io-|wait-for-io)/.test(name)) await rm(join(vendor, name), { recursive: true })
  }
  await cp(bootctl, join(host.root, 'usr/local/bin/bootctl'))
  return new Set(await filesBelow(join(host.root, unitsAt)))
}

/** Makes what was installed since a first system of the host's, which runs and is what boots. */
export async function adoptSystem(
  host: Host,
  before: ReadonlySet<string>,
  builder: Builder,
  more: Partial<SystemPlan> = {},
): Promise<NixHost> {
  const at = join(host.root, unitsAt)
  const own = (await filesBelow(at)).filter((path) => !before.has(path))
  const texts = await Promise.all(own.map(async (path) => [path, await textOf(join(at, path))] as const))
  const units = Object.fromEntries(texts)
  const first = await builder.build({ host: host.name, name: 'first', units, ...more })
  await builder.carry([host])
  await host.run('nix-store', '--realise', first, '--add-root', '/nix/var/nix/gcroots/first')
  for (const path of own) await rm(join(at, path))
  for (const link of ['current-system', 'booted-system']) await host.run('ln', '-sfn', first, `/run/${link}`)
  await host.run('nix-env', '--profile', '/nix/var/nix/profiles/system', '--set', first)
  // Exit 4 where one of its units never comes up.
  const { code, stderr } = await host.tried(`${first}/bin/switch-to-configuration`, 'switch')
  if (code !== 0 && code !== 4) throw new Error(`the first switch of ${host.name} ended with ${code}: ${stderr}`)
  return nixHost(host, units, first)
}

function nixHost(host: Host, units: Readonly<Record<string, string>>, first: string): NixHost {
  const link = (path: string) => readlink(path).catch(() => '')
  const boot = async () => {
    await firmware(host.root)
    await host.boot()
  }
  return {
    host,
    units,
    first,
    boot,
    powerCut: async () => {
      await host.cutPower()
      await boot()
    },
    comesBack: async () => {
      await host.off()
      await boot()
    },
    staysOn: () => {
      const ending = new AbortController()
      const ended = once(ending.signal, 'abort')
      const stay = async () => {
        while (!ending.signal.aborted) {
          await Promise.race([host.off(), ended])
          if (!ending.signal.aborted) await boot()
        }
      }
      const staying = stay()
      return {
        [Symbol.asyncDispose]: async () => {
          ending.abort()
          await staying
        },
      }
    },
    seen: async () => {
      const profiles = join(host.root, 'nix/var/nix/profiles')
      return {
        current: await link(host.live('run/current-system')),
        booted: await link(host.live('run/booted-system')),
        profile: await link(join(profiles, await link(join(profiles, 'system')))),
        loader: (await systemOf(host.root, await chosenBy(host.root))) ?? '',
      }
    },
  }
}

/** What stands between the plug and PID 1: the entry for this once or the default, and its system's own preparation. */
async function firmware(root: string): Promise<void> {
  const once = join(root, 'boot/loader/oneshot')
  const asked = (await readFile(once, 'utf8').catch(() => '')).trim()
  await rm(once, { force: true })
  const chosen = await systemOf(root, asked === '' ? await chosenBy(root) : asked)
  if (chosen === null) throw new Error(`the loader below ${root} starts nothing`)
  const panics = (await readFile(join(root, chosen, 'system.conf'), 'utf8')).includes("breaks_on='kernel'")
  // A watchdog resets it, and there is no entry for this once any more.
  if (panics) return firmware(root)
  const script = `find /${unitsAt} -lname "/nix/store/*" -delete; cp -rsf "$1/${unitsAt}/." /${unitsAt}/`
  await promisify(execFile)('chroot', [root, '/bin/bash', '-c', script, 'bash', chosen])
  const links = ['current-system', 'booted-system'].map((name) => `L+! /run/${name} - - - - ${chosen}\n`)
  await mkdir(join(root, 'etc/tmpfiles.d'), { recursive: true })
  await writeFile(join(root, 'etc/tmpfiles.d/booted.conf'), links.join(''))
}

async function chosenBy(root: string): Promise<string> {
  const conf = await readFile(join(root, 'boot/loader/loader.conf'), 'utf8').catch(() => '')
  return /^default\s+(\S+)$/m.exec(conf)?.[1] ?? ''
}

async function systemOf(root: string, entry: string): Promise<string | null> {
  const text = await readFile(join(root, 'boot/loader/entries', entry), 'utf8').catch(() => '')
  return /init=(\S+)\/init/.exec(text)?.[1] ?? null
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true })
  return found
    .filter((each) => !each.isDirectory())
    .map((each) => join(each.parentPath, each.name).slice(directory.length + 1))
}

// A link of `.wants` stands for its name alone; an empty file there would take it away.
async function textOf(path: string): Promise<string> {
  return (await readlink(path).catch(() => null)) === null ? await readFile(path, 'utf8') : '# see its name\n'
}
