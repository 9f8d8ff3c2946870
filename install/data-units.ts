import type { ProbeSpec } from '../daemon/probe.ts'
import type { Machine } from './machine.ts'

const redisUnits = ['redis-server.service', 'redis.service', 'valkey-server.service', 'valkey.service'] as const

/** The units of this machine that hold the data of what is probed so; none where that cannot be told. */
export async function dataUnitsOf(machine: Machine, probe: ProbeSpec | undefined): Promise<readonly string[]> {
  if (probe?.type === 'postgres') return await postgresUnits(machine, probe.port)
  if (probe?.type === 'redis') return (await firstUnit(machine, redisUnits)) ?? []
  return probe?.type === 'unit' ? [probe.unit] : []
}

/** First entries of a configuration for the databases that are installed here. */
export async function foundResources(machine: Machine): Promise<Readonly<Record<string, object>>> {
  const [cluster] = (await clustersOf(machine)).filter(({ isAuto }) => isAuto)
  const port = cluster?.port ?? 5432
  const postgres = (await postgresUnits(machine, port)).length > 0
  const redis = (await firstUnit(machine, redisUnits)) !== null
  const local = (type: string, on: number) => ({ probe: { type, host: '127.0.0.1', port: on }, gate: 'local' })
  return {
    ...(postgres && { postgresql: local('postgres', port) }),
    ...(redis && { redis: local('redis', 6379) }),
  }
}

async function postgresUnits(machine: Machine, port: number): Promise<readonly string[]> {
  const clusters = await clustersOf(machine)
  if (clusters.length > 0) {
    return clusters.filter((each) => each.isAuto && each.port === port).map(({ unit }) => unit)
  }
  // Where Debian's instances are, this unit is an umbrella that stays active when they stop.
  const isUmbrella = (await machine.unitFile('postgresql@.service')) !== null
  return isUmbrella ? [] : ((await firstUnit(machine, ['postgresql.service'])) ?? [])
}

interface Cluster {
  readonly unit: string
  readonly port: number
  readonly isAuto: boolean
}

/** Debian's clusters, `/etc/postgresql/15/main`. */
async function clustersOf(machine: Machine): Promise<readonly Cluster[]> {
  const clusters: Cluster[] = []
  for (const version of await machine.list('/etc/postgresql')) {
    for (const name of await machine.list(`/etc/postgresql/${version}`)) {
      const directory = `/etc/postgresql/${version}/${name}`
      const settings = await machine.read(`${directory}/postgresql.conf`)
      if (settings === null) continue
      const port = Number(/^\s*port\s*=?\s*'?(\d+)/m.exec(settings)?.[1] ?? 5432)
      const start = (await machine.read(`${directory}/start.conf`)) ?? 'auto'
      clusters.push({ unit: `postgresql@${version}-${name}.service`, port, isAuto: /^\s*auto\b/m.test(start) })
    }
  }
  return clusters
}

async function firstUnit(machine: Machine, units: readonly string[]): Promise<readonly string[] | null> {
  for (const unit of units) if ((await machine.unitFile(unit)) !== null) return [unit]
  return null
}
