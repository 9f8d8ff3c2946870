import type { Machine } from './machine.ts'
import { configDir, type Role, removedLine, unitDir, vendorUnitDir } from './plan.ts'
import { waitUnitOf } from './unit-text.ts'

/** What an uninstall takes away; paths as the machine sees them. */
export interface Removal {
  readonly files: readonly string[]
  /** Removed with all that is in them. */
  readonly directories: readonly string[]
  /** In the order in which they are to stop, before the targets. */
  readonly units: readonly string[]
  readonly targets: readonly { readonly target: string; readonly wait: string }[]
  readonly users: readonly string[]
  readonly groups: readonly string[]
  /** Files of somebody else that need what goes. */
  readonly clinging: readonly { readonly path: string; readonly target: string }[]
}

export interface RemovalWishes {
  readonly role: Role
  /** Keys and configurations, too. */
  readonly purge: boolean
  /** State and users stay, as for an installation that comes back. */
  readonly keepState: boolean
}

interface Belongings {
  readonly conf: string
  readonly units: readonly string[]
  readonly directories: readonly string[]
  readonly personal: readonly string[]
  readonly users: readonly string[]
  readonly groups: readonly string[]
}

const belongings: Readonly<Record<Role, Belongings>> = {
  agent: {
    conf: 'io-guardian.conf',
    units: ['io-guardian.service'],
    directories: [
      '/var/lib/io-guardian',
      '/var/lib/io-guardian-rebuild',
      '/var/cache/io-guardian-rebuild',
      '/run/io-guardian',
    ],
    personal: ['agent.json', 'rebuild.json', 'psk'],
    users: ['io-guardian'],
    groups: ['io-guardian'],
  },
  coordinator: {
    conf: 'io-guardian-coordinator.conf',
    units: [
      'io-guardian-rollout@*',
      'io-guardian-gate@*.service',
      'io-guardian-coordinator.service',
      'io-database-coordinator.service',
    ],
    directories: [
      '/var/lib/io-guardian-coordinator',
      '/run/io-guardian-coordinator',
      '/run/io-guardian-gate',
      // Of a user that systemd makes: what is named otherwise are links to these.
      ...['lib', 'cache'].flatMap((kind) => [
        `/var/${kind}/io-guardian-rollout`,
        `/var/${kind}/private/io-guardian-rollout`,
      ]),
    ],
    personal: ['coordinator.json', 'fleet.key'],
    users: ['io-guardian-coordinator'],
    groups: ['io-guardian-coordinator', 'io-guardian-operators'],
  },
}

/** Finds all that an installation of this role has left on a machine. */
export async function removalOf(machine: Machine, { role, purge, keepState }: RemovalWishes): Promise<Removal> {
  const own = belongings[role]
  const texts = await textsOf(machine)
  const written = [...texts].filter(([, text]) => isOwn(text, role)).map(([path]) => path)
  const targets = role === 'agent' ? await targetsOf(machine, written) : []
  const wants = await wantsOf(machine, role, targets)
  const personal = purge ? own.personal.map((name) => `${configDir}/${name}`) : []
  const files = [...written, ...wants, ...(await present(machine, personal))]
  const isPackaged = await machine.has(`/usr/lib/sysusers.d/${own.conf}`)
  const accounts = keepState || isPackaged ? { users: [], groups: [] } : own
  return {
    files,
    directories: keepState ? [] : [...(await present(machine, own.directories)), ...(await gateKeys(machine, role))],
    units: own.units,
    targets: targets.map((target) => ({ target, wait: waitUnitOf({ unit: target }) })),
    users: accounts.users,
    groups: accounts.groups,
    clinging: [...texts].flatMap(([path, text]) => {
      const target = targets.find((unit) => text.split(/[\s=]/).includes(unit))
      return target === undefined || isOwn(text, role) ? [] : [{ path, target }]
    }),
  }
}

/** Every file that an installation may have written, with its text. */
async function textsOf(machine: Machine): Promise<ReadonlyMap<string, string>> {
  const nested = (await machine.list(unitDir)).filter((name) => name.endsWith('.d')).map((name) => `${unitDir}/${name}`)
  const places = [unitDir, ...nested, '/etc/polkit-1/rules.d', '/etc/sysusers.d', '/etc/tmpfiles.d', configDir]
  const texts = new Map<string, string>()
  for (const place of places) {
    for (const name of await machine.list(place)) {
      const path = `${place}/${name}`
      const text = await machine.read(path).catch(() => null)
      if (text !== null) texts.set(path, text)
    }
  }
  return texts
}

/** Whether its first line says that it goes with this role. */
function isOwn(text: string, role: Role): boolean {
  return text.slice(0, 200).split('\n')[0]?.endsWith(removedLine(role)) === true
}

async function targetsOf(machine: Machine, written: readonly string[]): Promise<readonly string[]> {
  const own = written.filter((path) => path.endsWith('.target')).map((path) => path.slice(unitDir.length + 1))
  const isPackaged = await machine.has(`${vendorUnitDir}/io-databases.target`)
  return isPackaged && !own.includes('io-databases.target') ? [...own, 'io-databases.target'] : own
}

/** Links by which our units are started, and those by which our targets start others. */
async function wantsOf(machine: Machine, role: Role, targets: readonly string[]): Promise<readonly string[]> {
  const isWanted = (unit: string): boolean =>
    role === 'agent'
      ? /^io-guardian(-rebuild-resume)?\.service$/.test(unit) || targets.includes(unit)
      : /^io-(guardian-coordinator|database-coordinator|guardian-gate@.+|guardian-rollout@.+)\.(service|timer)$/.test(
          unit,
        )
  const links: string[] = []
  for (const directory of await machine.list(unitDir)) {
    if (!directory.endsWith('.wants')) continue
    const all = targets.includes(directory.slice(0, -'.wants'.length))
    const units = await machine.list(`${unitDir}/${directory}`)
    links.push(...units.filter((unit) => all || isWanted(unit)).map((unit) => `${unitDir}/${directory}/${unit}`))
  }
  return links
}

/** A gate's own directory goes with it only where systemd still knows its unit. */
async function gateKeys(machine: Machine, role: Role): Promise<readonly string[]> {
  const names = role === 'coordinator' ? await machine.list('/run') : []
  return names.filter((name) => name.startsWith('io-guardian-gate@')).map((name) => `/run/${name}`)
}

async function present(machine: Machine, paths: readonly string[]): Promise<readonly string[]> {
  const there = await Promise.all(paths.map((path) => machine.has(path)))
  return paths.filter((_, at) => there[at])
}
