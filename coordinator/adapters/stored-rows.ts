import * as v from 'valibot'
import { type Claim, claim } from '../../protocol/authority.ts'
import { owner, selectorText } from '../../protocol/hold.ts'
import { bootId, counter, holdId, hostName, message, targetName, wallMs } from '../../protocol/names.ts'
import type { FleetHold, Superseded } from '../core/state.ts'

/** The boot that a store is opened in, by which ends in monotonic time are understood. */
export interface Boot {
  readonly id: string
  readonly atMs: number
}

const list = <T extends v.GenericSchema<unknown, string>>(name: T) => v.pipe(v.string(), v.parseJson(), v.array(name))

const holdRow = v.object({
  id: holdId,
  targets: list(targetName),
  selector: selectorText,
  exceptions: list(hostName),
  members: list(hostName),
  owner,
  message,
  since_ms: wallMs,
  boot_id: bootId,
  remaining_ms: v.nullable(v.pipe(v.number(), v.safeInteger())),
  as_of_ms: v.nullable(counter),
  rush_at_ms: v.nullable(counter),
  orphan: v.picklist([0, 1]),
})

const superseded = v.object({ host: hostName, seen: claim })
const claimRow = v.object({ ...claim.entries, superseded: v.nullable(v.pipe(v.string(), v.parseJson(), superseded)) })

/** @throws ValiError where the row was not written by this program */
export function readHold(row: unknown, boot: Boot): FleetHold {
  const read = v.parse(holdRow, row)
  // Another boot's monotonic clock says nothing about how much time has passed since.
  const sameBoot = read.boot_id === boot.id
  const asOfMs = sameBoot ? read.as_of_ms : boot.atMs
  return {
    id: read.id,
    targets: read.targets,
    selector: read.selector,
    except: new Set(read.exceptions),
    members: new Set(read.members),
    owner: read.owner,
    message: read.message,
    sinceMs: read.since_ms,
    end: read.remaining_ms === null || asOfMs === null ? null : { remainingMs: read.remaining_ms, asOfMs },
    orphan: read.orphan === 1,
    persisted: true,
    rushAtMs: sameBoot ? read.rush_at_ms : null,
  }
}

export function writeHold(hold: FleetHold, boot: Boot): Record<string, string | number | null> {
  return {
    id: hold.id,
    targets: JSON.stringify(hold.targets),
    selector: hold.selector,
    exceptions: JSON.stringify([...hold.except]),
    members: JSON.stringify([...hold.members]),
    owner: hold.owner,
    message: hold.message,
    since_ms: hold.sinceMs,
    boot_id: boot.id,
    remaining_ms: hold.end?.remainingMs ?? null,
    as_of_ms: hold.end?.asOfMs ?? null,
    rush_at_ms: hold.rushAtMs,
    orphan: hold.orphan ? 1 : 0,
  }
}

/** null where the store is new. */
export function readClaim(row: unknown): { readonly claim: Claim; readonly superseded: Superseded | null } | null {
  if (row === undefined) return null
  const { superseded, ...claim } = v.parse(claimRow, row)
  return { claim, superseded }
}

export function writeClaim(claim: Claim, by: Superseded | null): Record<string, string | number | null> {
  return { ...claim, superseded: by === null ? null : JSON.stringify(by) }
}
