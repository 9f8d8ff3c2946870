import type { FleetStatus, HoldStatus, HostStatus } from '../../protocol/api.ts'

/** The holds that hosts carry, each once with all its hosts and targets; those of `known` are left out. */
export function carriedHolds(hosts: readonly HostStatus[], known: ReadonlySet<string> = new Set()): HoldStatus[] {
  const found = new Map<string, HoldStatus & { readonly on: Set<string>; readonly of: Set<string> }>()
  for (const host of hosts) {
    for (const { target, holds, durable } of host.targets) {
      for (const hold of holds) {
        if (known.has(hold.id)) continue
        const fresh = {
          ...hold,
          targets: [],
          hosts: [],
          persisted: true,
          orphan: false,
          on: new Set<string>(),
          of: new Set<string>(),
        }
        const one = found.get(hold.id) ?? fresh
        one.on.add(host.name)
        one.of.add(target)
        found.set(hold.id, durable ? one : { ...one, persisted: false })
      }
    }
  }
  return [...found.values()].map(({ on, of, ...hold }) => ({ ...hold, hosts: [...on], targets: [...of] }))
}

/** The coordinator's holds and those that only agents have, oldest first. */
export function allHolds({ holds, hosts }: Pick<FleetStatus, 'holds' | 'hosts'>): readonly HoldStatus[] {
  const known = new Set(holds.map(({ id }) => id))
  return [...holds, ...carriedHolds(hosts, known)].sort((a, b) => a.sinceMs - b.sinceMs)
}
