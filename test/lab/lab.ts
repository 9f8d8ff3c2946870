import { randomBytes } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { enroll, strike, unmountBelow } from '../hosts/booted.ts'
import type { Suite } from './base.ts'
import { makeDisk } from './disk.ts'
import { type Host, hostOf } from './host.ts'
import { type Network, openNetwork } from './network.ts'

/** Real hosts on this machine, in a network that leads nowhere. */
export interface Lab extends AsyncDisposable {
  readonly directory: string
  readonly network: Network
  /** A new host with a fresh disk, switched off; layers lie over the tree of its suite. */
  addHost(name: string, suite: Suite, layers?: readonly string[]): Promise<Host>
  /** Ends every host and removes everything that the lab made. */
  close(): Promise<void>
}

/** Why there can be no lab here, or false. */
export const noLab = process.getuid?.() === 0 ? lacking(['systemd-nspawn', 'debootstrap', 'ip', 'nft']) : 'needs root'

export async function openLab(): Promise<Lab> {
  if (noLab !== false) throw new Error(`no lab: ${noLab}`)
  const id = `guardian-lab-${randomBytes(4).toString('hex')}`
  const directory = join(tmpdir(), id)
  // As a note of its own: while a host is off, no other note speaks of its disk.
  await enroll(id, { cgroup: null, scratch: [directory], network: id })
  await mkdir(directory)
  const network = await openNetwork(id)
  const hosts: Host[] = []
  let taken = 0
  const end = async () => {
    await Promise.all(hosts.filter((host) => host.isOn()).map((host) => host.cutPower()))
    await network[Symbol.asyncDispose]()
    await unmountBelow(directory)
    await rm(directory, { recursive: true, force: true })
    await strike(id)
  }
  let ended: Promise<void> | null = null
  const close = () => (ended ??= end())
  return {
    directory,
    network,
    addHost: async (name, suite, layers = []) => {
      const index = ++taken
      const address = `198.18.0.${index}`
      const own = join(directory, name)
      const root = await makeDisk(own, { name, suite, address, layers })
      const host = hostOf({ id: `${id}-${name}`, index, name, suite, address, directory: own, root, network })
      hosts.push(host)
      return host
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function lacking(programs: readonly string[]): string | false {
  const directories = (process.env.PATH ?? '').split(delimiter)
  const missing = programs.filter((program) => !directories.some((directory) => isExecutable(join(directory, program))))
  return missing.length === 0 ? false : `needs ${missing.join(', ')}: scripts/setup.sh installs them for root`
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
