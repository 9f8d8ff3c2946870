import { unit } from '../hosts/graph.ts'

// What lives from the databases, written as if nobody had heard of guardian. Each holds connections open and says on
// its error output when one is refused or cut.

/** A service of a host, as its administrator wrote it. */
export interface Worker {
  readonly unit: string
  readonly text: string
}

/** Two customers of a shop that never leave. */
export const shop = worker('shop.service', { lines: [...pgbench(20), ...always()] })

/** Works off a queue that is in PostgreSQL. */
export const queue = worker('queue.service', { lines: [...pgbench(10), ...always()] })

/** Counts sessions in Redis, ten times a second, over one connection. */
export const sessions = worker('sessions.service', {
  lines: ['ExecStart=/usr/bin/redis-cli -h io -r -1 -i 0.1 incr sessions', ...always()],
})

/** Hangs on the shop, takes a while to stop, and writes its last batch to PostgreSQL when it does. */
export const searchIndex = worker('search-index.service', {
  on: 'shop.service',
  lines: [
    ...pgbench(5),
    `ExecStop=/bin/sh -c 'sleep 2; PGCONNECT_TIMEOUT=2 psql -h io -U postgres -qc "insert into batches values (now())"'`,
    ...always(),
  ],
})

function worker(name: string, { on, lines }: { readonly on?: string; readonly lines: readonly string[] }): Worker {
  const text = unit({
    Unit: on === undefined ? ['After=network-online.target'] : [`Requires=${on}`, `After=${on}`],
    Service: [...lines],
    Install: [`WantedBy=${on ?? 'multi-user.target'}`],
  })
  return { unit: name, text }
}

function always(): readonly string[] {
  return ['Restart=on-failure', 'RestartSec=500ms', 'StandardOutput=null']
}

function pgbench(perSecond: number): readonly string[] {
  return [
    `ExecStart=/usr/bin/pgbench -n -h io -U postgres -c 2 -R ${perSecond} -T 1000000 -f - postgres`,
    'StandardInput=data',
    'StandardInputText=select count(*) from pg_class;',
  ]
}
