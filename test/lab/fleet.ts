import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createApiClient } from '../../daemon/api-client.ts'
import { type FleetStatus, fleetStatus } from '../../protocol/api.ts'
import { type Ended, endedOf } from '../end-to-end/orders.ts'
import type { Suite } from './base.ts'
import { queue, searchIndex, sessions, shop } from './cast.ts'
import { debianPackage } from './deb.ts'
import type { Host } from './host.ts'
import { hostKey, installCoordinator, postgresUnits, startDatabases, writeConfig } from './io.ts'
import { type Lab, openLab } from './lab.ts'
import { guardianLayer } from './layer.ts'
import { installAgent, layWorkers, type Member, type MemberPlan, memberOf } from './member.ts'
import type { Promised } from './promises.ts'
import { until } from './until.ts'

/** Databases and coordinator on one host, and three that live from them. */
export interface Fleet extends AsyncDisposable {
  readonly lab: Lab
  readonly io: Host
  /** The unit that holds PostgreSQL's data. */
  readonly postgres: string
  readonly members: readonly Member[]
  member(name: string): Member
  /** What `guardian ctl … --json` ends with, run by root on the coordinator's host. */
  ctl(...args: readonly string[]): Promise<Ended>
  /** The drains that `ctl` was told are done. */
  readonly promised: readonly Promised[]
  status(): Promise<FleetStatus>
  /** Writes coordinator.json with what is changed, and has the daemon read it. */
  configure(change?: object): Promise<void>
  /** A host that joins: a new one, or one that is there. */
  join(host: Host, plan: MemberPlan): Promise<Member>
  addHost(name: string, suite: Suite): Promise<Host>
  /** Installs guardian's package once more, as an upgrade does. */
  upgrade(host: Host): Promise<void>
  close(): Promise<void>
}

export interface FleetOptions {
  /** Debian of the host with the databases; the others take turns. */
  readonly suite: Suite
  /** Added to coordinator.json, and to each agent.json. */
  readonly coordinator?: object
  readonly agent?: object
}

const web: MemberPlan = {
  tags: ['web'],
  target: 'io-databases',
  targetUnit: 'io-databases.target',
  needs: ['postgresql', 'redis'],
  workers: [shop, sessions],
}
export const plans = {
  web1: web,
  web2: { ...web, workers: [...web.workers, searchIndex] },
  jobs1: { tags: [], target: 'jobs', targetUnit: 'io-jobs.target', needs: ['postgresql'], workers: [queue] },
} satisfies Readonly<Record<string, MemberPlan>>
const suites: Readonly<Record<string, Suite>> = { web1: 'bookworm', web2: 'trixie', jobs1: 'trixie' }

/** Resolves when everything runs and every host is open. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const lab = await openLab()
  try {
    const file = await debianPackage(lab.directory)
    const add = async (name: string, suite: Suite) => {
      const host = await lab.addHost(name, suite, [await guardianLayer(suite, file)])
      await host.boot()
      return host
    }
    const ioBooted = add('io', options.suite)
    const members = await Promise.all(
      Object.entries(plans).map(async ([name, plan]) => {
        return memberOf(await add(name, suites[name] ?? 'trixie'), { ...plan, agent: options.agent ?? {} })
      }),
    )
    const io = await ioBooted
    const fleet = fleetOf({ lab, io, file, members, add, more: options.coordinator ?? {} })
    await startDatabases(io)
    await installCoordinator(io, configOf(members, options.coordinator))
    await Promise.all(members.map((member) => settleIn(member, io)))
    await untilOpen(...members)
    return fleet
  } catch (cause) {
    await lab.close()
    throw cause
  }
}

async function settleIn(member: Member, io: Host): Promise<void> {
  await layWorkers(member, io)
  await installAgent(member, await hostKey(io, member.host.name))
}

interface Parts extends Pick<Fleet, 'lab' | 'io'> {
  readonly members: Member[]
  readonly add: Fleet['addHost']
  readonly file: string
  readonly more: object
}

function fleetOf({ lab, io, file, members, add, more }: Parts): Fleet {
  const promised: Promised[] = []
  const api = () => createApiClient({ kind: 'socket', path: io.live('run/io-guardian-coordinator/api.sock') })
  return {
    lab,
    io,
    members,
    addHost: add,
    upgrade: async (host) => {
      await copyFile(file, join(host.root, 'root/guardian.deb'))
      await host.run('dpkg', '--install', '/root/guardian.deb')
    },
    postgres: postgresUnits[io.suite],
    member: (name) => {
      const found = members.find(({ host }) => host.name === name)
      if (found === undefined) throw new Error(`the fleet has no host ${name}`)
      return found
    },
    promised,
    ctl: async (...args) => {
      if (args.includes('undrain')) promised.splice(0, Infinity, ...promised.map((each) => ({ ...each, ended: true })))
      const ended = endedOf(await io.tried('guardian', 'ctl', '--json', ...args))
      const { code, hold, hosts } = ended
      if (code === 0 && hold !== undefined && args.includes('drain')) {
        promised.push({ at: Date.now() * 1_000, hold, hosts: hosts.map(({ host }) => host), ended: false })
      }
      return ended
    },
    status: () => api().get('/v1/status', fleetStatus),
    configure: async (change = {}) => {
      await writeConfig(io, { ...configOf(members, more), ...change })
      await io.systemctl('reload', 'io-guardian-coordinator.service')
    },
    join: async (host, plan) => {
      const member = memberOf(host, plan)
      members.push(member)
      await writeConfig(io, configOf(members, more))
      await io.systemctl('reload', 'io-guardian-coordinator.service')
      await settleIn(member, io)
      return member
    },
    close: lab.close,
    [Symbol.asyncDispose]: lab.close,
  }
}

function configOf(members: readonly Member[], more: object = {}): object {
  const probe = { every: '500ms', host: '127.0.0.1' }
  return {
    hosts: hostsOf(members),
    resources: {
      postgresql: { probe: { ...probe, type: 'postgres', port: 5432 }, gate: 'local' },
      redis: { probe: { ...probe, type: 'redis', port: 6379 }, gate: 'local' },
    },
    targets: {
      'io-databases': { needs: ['postgresql', 'redis'], drainDeadline: '40s' },
      jobs: { needs: ['postgresql'], drainDeadline: '40s' },
    },
    unreachableGrace: '5s',
    ...more,
  }
}

/** What coordinator.json says of hosts. */
export function hostsOf(members: readonly Member[]): object {
  return Object.fromEntries(
    members.map(({ host, tags, target }) => [host.name, { address: host.address, tags, targets: [target] }]),
  )
}

/** Every unit of these hosts is active. */
export async function untilOpen(...members: readonly Member[]): Promise<void> {
  await Promise.all(
    members.map(({ host, units }) =>
      until(`every unit of ${host.name} is active`, async () =>
        [...(await host.states(units)).values()].every((state) => state === 'active'),
      ),
    ),
  )
}

/** These hosts are connected and say that they are drained. */
export async function untilDrained(fleet: Fleet, ...names: readonly string[]): Promise<void> {
  await until(`${names.join(', ')} connected and drained`, async () => {
    const status = await fleet.status().catch(() => null)
    const found = status?.hosts.filter(({ name }) => names.includes(name)) ?? []
    return (
      found.length === names.length &&
      found.every(({ connected, targets }) => connected && targets[0]?.is === 'drained')
    )
  })
}
