import { join } from 'node:path'
import { type Outcome, run } from '../hosts/manager.ts'
import type { Suite } from './base.ts'
import { type Entry, readJournal } from './journal.ts'
import type { Network } from './network.ts'
import { type Power, switchOn } from './power.ts'
import { until } from './until.ts'

/** A Debian machine with an address of its own. */
export interface Host {
  readonly name: string
  readonly suite: Suite
  readonly address: string
  /** Its file system as this machine sees it, whether it is on or off. */
  readonly root: string
  /** Switches it on; resolves when its systemd answers. */
  boot(): Promise<void>
  /** Shuts it down in order and boots it with its disk; `meanwhile` runs while it is off. */
  reboot(meanwhile?: () => Promise<unknown>): Promise<void>
  /** Shuts it down in order. */
  poweroff(): Promise<void>
  /** Pulls the plug: nothing of it runs any more, and nobody on the network is told. */
  cutPower(): Promise<void>
  /** Resolves once it is off, whoever switched it off. */
  off(): Promise<void>
  isOn(): boolean
  /** Where this machine finds a file of it, also one in its /run; only while it is on. */
  live(path: string): string
  /** Name of its cgroup, below which its units have theirs. */
  cgroup(): string
  /** What a command of this machine begins with in order to run as root in it, until it is switched off. */
  entry(): readonly string[]
  /** Output of a command as root in it; rejects where the command fails. */
  run(command: string, ...args: readonly string[]): Promise<string>
  /** The same, never rejecting. */
  tried(command: string, ...args: readonly string[]): Promise<Outcome>
  systemctl(...args: readonly string[]): Promise<string>
  show(unit: string, property: string): Promise<string>
  /** ActiveState of several units, by name. */
  states(units: readonly string[]): Promise<ReadonlyMap<string, string>>
  journal(sinceUs: number): Promise<readonly Entry[]>
}

export interface HostParts {
  readonly id: string
  readonly index: number
  readonly name: string
  readonly suite: Suite
  readonly address: string
  readonly directory: string
  readonly root: string
  readonly network: Network
}

// Who enters from outside keeps the rights of outside: the clock and the kernel are this machine's too.
const contained = ['setpriv', '--bounding-set', '-sys_time,-sys_boot,-sys_module,-sys_rawio']
const environment = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'LANG=C.UTF-8',
  'SYSTEMD_COLORS=0',
]

export function hostOf(parts: HostParts): Host {
  const { name, root } = parts
  let power: Power | null = null
  const on = () => {
    if (power === null) throw new Error(`host ${name} is off`)
    return power
  }
  const entry = () => {
    const spaces = ['nsenter', '-t', `${on().leader}`, '-m', '-u', '-i', '-n', '-p', '-C', '--']
    return [...spaces, ...contained, 'env', '-i', '-C', '/', ...environment]
  }
  const tried = (command: string, ...args: readonly string[]) => {
    const [nsenter = '', ...entering] = entry()
    return run(nsenter, [...entering, command, ...args], {})
  }
  const runIn = async (command: string, ...args: readonly string[]) => {
    const { code, stdout, stderr } = await tried(command, ...args)
    if (code !== 0) throw new Error(`${name}: ${command} ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
    return stdout
  }
  const systemctl = (...args: readonly string[]) => runIn('systemctl', '--no-pager', ...args)
  const off = async () => {
    await power?.off
    power = null
  }
  const boot = async () => {
    if (power !== null) throw new Error(`host ${name} is on`)
    power = await switchOn(parts)
    await answers(name, tried)
  }
  return {
    ...parts,
    boot,
    off,
    entry,
    reboot: async (meanwhile = async () => undefined) => {
      await tried('systemctl', 'reboot')
      await off()
      await meanwhile()
      await boot()
    },
    poweroff: async () => {
      await tried('systemctl', 'poweroff')
      await off()
    },
    cutPower: async () => {
      await on().cut()
      power = null
    },
    isOn: () => power !== null,
    live: (path) => join('/proc', `${on().leader}`, 'root', path),
    cgroup: () => join(on().cgroup, 'payload'),
    tried,
    run: runIn,
    systemctl,
    show: async (unit, property) => (await systemctl('show', '--value', '-p', property, unit)).trim(),
    states: async (units) => {
      const values = (await systemctl('show', '--value', '-p', 'ActiveState', ...units)).split('\n').filter(Boolean)
      return new Map(units.map((unit, at) => [unit, values[at] ?? 'unknown']))
    },
    journal: (sinceUs) => readJournal({ name, root }, sinceUs),
  }
}

async function answers(name: string, tried: Host['tried']): Promise<void> {
  await until(`systemd answers on ${name}`, async () => {
    const { stdout } = await tried('systemctl', 'is-system-running')
    return ['starting', 'running', 'degraded'].includes(stdout.trim())
  })
}
