import { gateOf, type Hold, isAgentOwned } from '../../protocol/hold.ts'
import { limits } from '../../protocol/limits.ts'
import type { TargetReport } from '../../protocol/v2/report.ts'
import type { FleetHold, FleetState } from './state.ts'
import { holdsOn, isGateUp } from './wanted.ts'

/** Holds of a marker that this store never issued, and hosts that carry a known one without being its member. */
export function adopt(state: FleetState, name: string, reports: readonly TargetReport[]): readonly FleetHold[] {
  if (state.superseded !== null) return []
  const found = new Map<string, FleetHold>()
  for (const report of reports) {
    // More than a marker can carry at once would be holds without end from one host.
    let room = limits.holdsMax - holdsOn(state, name, report.target).length
    for (const held of report.holds) {
      const known = found.get(held.id) ?? state.holds.get(held.id)
      const isNew = known === undefined ? isForeign(state, held) : isStranger(known, name, report.target)
      if (!isNew || room <= 0) continue
      room -= 1
      found.set(held.id, joined(known ?? orphan(held), name, report.target))
    }
  }
  return [...found.values()]
}

function isForeign(state: FleetState, held: Hold): boolean {
  if (isAgentOwned(held.owner) || state.released.has(held.id)) return false
  const resource = gateOf(held.owner)
  // The ids of a gate's runs can be foretold; of those of this boot its file tells.
  const [named, boot] = held.id.split('/')
  if (resource === null) return boot === undefined
  return named === resource && boot !== state.bootId && !isGateUp(state, resource)
}

// A hold that this store gave has the targets that it was given, whatever one host says; of one that it lost, all targets
// together are found where they are carried, as they were given.
function isStranger(hold: FleetHold, name: string, target: string): boolean {
  if (hold.except.has(name)) return false
  const isOfTarget = hold.targets.includes(target)
  return hold.members.has(name) ? hold.orphan && !isOfTarget : hold.orphan || isOfTarget
}

// In memory until the next tick, which writes all that were found since at once; a marker that is lost to a crash in
// between is found again.
function joined(hold: FleetHold, name: string, target: string): FleetHold {
  const members = new Set([...hold.members, name])
  const targets = [...new Set([...hold.targets, target])]
  return { ...hold, members, targets, persisted: hold.persisted && !hold.orphan }
}

// Exceptions and an end would let the one host that is heard first open the others that carry it.
function orphan(held: Hold): FleetHold {
  const { id, owner, message, sinceMs, selector } = held
  return {
    id,
    owner,
    message,
    sinceMs,
    selector,
    end: null,
    targets: [],
    except: new Set(),
    members: new Set(),
    orphan: true,
    persisted: false,
    rushAtMs: null,
  }
}
