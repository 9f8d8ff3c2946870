import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Databases, Fleet } from './fleet.ts'
import type { Dependent } from './graph.ts'

// What lives from the databases: each holds connections open and says on its error output when one is refused or cut.

/** Two customers of a shop that never leave. */
export function shop({ postgres }: Databases): Dependent {
  return { unit: 'shop.service', lines: [...pgbench(postgres, 20), ...always] }
}

/** Counts sessions in Redis, ten times a second, over one connection. */
export function sessions({ redis }: Databases): Dependent {
  const command = `redis-cli -h ${redis.address} -p ${redis.port} -r -1 -i 0.1 incr sessions`
  return { unit: 'sessions.service', lines: [`ExecStart=${command}`, ...always] }
}

/** Hangs on the shop, takes a while to stop, and writes its last batch to PostgreSQL when it does. */
export function searchIndex({ postgres }: Databases, stopSeconds: number): Dependent {
  const last = `psql -h ${postgres.address} -p ${postgres.port} -U postgres -qc "insert into batches values (now())"`
  return {
    unit: 'search-index.service',
    on: 'shop.service',
    lines: [...pgbench(postgres, 5), `ExecStop=/bin/sh -c 'sleep ${stopSeconds}; ${last}'`, ...always],
  }
}

const always = ['Restart=on-failure', 'RestartSec=500ms', 'StandardOutput=null']

function pgbench({ address, port }: Databases['postgres'], perSecond: number): readonly string[] {
  return [
    `ExecStart=pgbench -n -h ${address} -p ${port} -U postgres -c 2 -R ${perSecond} -T 1000000 -f - postgres`,
    'StandardInput=data',
    'StandardInputText=select count(*) from pg_class;',
  ]
}

/** The table that the search index writes to. */
export async function prepare({ databases: { postgres } }: Fleet): Promise<void> {
  const place = ['-h', postgres.address, '-p', `${postgres.port}`, '-U', 'postgres']
  await promisify(execFile)('psql', [...place, '-qc', 'create table batches (at timestamptz)'])
}

/** Units by the host that they are on. */
export type UnitsByHost = Readonly<Record<string, readonly string[]>>

/** Every line in which a worker says that a connection was refused or cut. */
export async function complaints(fleet: Fleet, workers: UnitsByHost): Promise<readonly string[]> {
  const found: string[] = []
  for (const [name, units] of Object.entries(workers)) {
    for (const unit of units) {
      const lines = (await fleet.host(name).log(unit))
        .split('\n')
        .filter((line) => /error|fatal|refused|could not|closed|terminat|lost/i.test(line))
      found.push(...lines.map((line) => `${name}/${unit}: ${line}`))
    }
  }
  return found
}
