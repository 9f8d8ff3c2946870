import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Suite } from './base.ts'
import type { Host } from './host.ts'
import { until } from './until.ts'

/** The unit that holds PostgreSQL's data on a host of a suite. */
export const postgresUnits: Readonly<Record<Suite, string>> = {
  bookworm: 'postgresql@15-main.service',
  trixie: 'postgresql@17-main.service',
}

/** What the coordinator reads. */
export const configFile = '/etc/guardian/coordinator.json'

/** Starts PostgreSQL and Redis, for this boot and every later one. */
export async function startDatabases(io: Host): Promise<void> {
  await io.systemctl('enable', '--now', 'postgresql.service', 'redis-server.service')
  await until('PostgreSQL answers', async () => (await sql(io, 'select 1')).code === 0)
  await sql(io, 'create table batches (at timestamptz); create role "guardian-probe" login')
}

export function sql(io: Host, statement: string) {
  return io.tried('psql', '-h', io.address, '-U', 'postgres', '-qtAc', statement)
}

/** As the installation guide has it: install, make a key, name the hosts, install again. */
export async function installCoordinator(io: Host, config: object): Promise<void> {
  await io.run('guardian', 'install', 'coordinator')
  await io.run('guardian', 'keygen', '--out', '/etc/guardian/fleet.key')
  await writeConfig(io, config)
  await io.run('guardian', 'install', 'coordinator')
}

/** Writes coordinator.json; the daemon reads it when it is told to. */
export async function writeConfig(io: Host, config: object): Promise<void> {
  await mkdir(join(io.root, '/etc/guardian'), { recursive: true })
  await writeFile(join(io.root, configFile), JSON.stringify(config, null, 2))
}

export async function hostKey(io: Host, name: string): Promise<string> {
  return io.run('guardian', 'keygen', '--host', name, '--psk-file', '/etc/guardian/fleet.key')
}
