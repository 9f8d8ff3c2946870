import type { Databases } from '../test/hosts/fleet.ts'
import type { Dependent } from '../test/hosts/graph.ts'
import { searchIndex, sessions, shop } from '../test/hosts/workers.ts'

/** Who works where. */
export const cast: Readonly<Record<string, (databases: Databases) => readonly Dependent[]>> = {
  web1: (databases) => [shop(databases), sessions(databases)],
  web2: (databases) => [shop(databases), sessions(databases), searchIndex(databases, 1.5)],
  jobs1: (databases) => [shop(databases), sessions(databases)],
}

export const workerUnits: Readonly<Record<string, readonly string[]>> = {
  web1: ['shop.service', 'sessions.service'],
  web2: ['shop.service', 'sessions.service', 'search-index.service'],
  jobs1: ['shop.service', 'sessions.service'],
}
