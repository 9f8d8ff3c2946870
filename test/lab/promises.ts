import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FleetStatus } from '../../protocol/api.ts'
import { isReadyAt, turnsOf } from './database-history.ts'
import type { Fleet } from './fleet.ts'
import type { Entry } from './journal.ts'
import type { Member } from './member.ts'
import { momentsOf, runningAt } from './unit-history.ts'

// The promises of the design, held against what every host wrote down by itself.

/** A drain that was answered with success, and what has become of it since. */
export interface Promised {
  /** Microseconds since 1970. */
  readonly at: number
  readonly hold: string
  readonly hosts: readonly string[]
  /** Whether somebody has asked to undrain since. */
  readonly ended: boolean
}

/** What of S1 to S5 did not hold since a moment. */
export async function broken(fleet: Fleet, sinceUs: number): Promise<readonly string[]> {
  const io = await fleet.io.journal(0)
  const status = await fleet.status().catch(() => null)
  const all = await Promise.all(
    fleet.members.map(async (member) => {
      const journal = await member.host.journal(0)
      return [
        ...startedWhileDrained(member, journal),
        ...runningWhenDone(member, journal, fleet.promised),
        ...openedTooEarly(fleet, member, journal, io),
        ...obeyedTheSuperseded(member, journal),
        ...orderedWhileSuperseded(member.host === fleet.io ? [] : journal),
      ].filter(({ at }) => at >= sinceUs)
    }),
  )
  const ordered = orderedWhileSuperseded(io).filter(({ at }) => at >= sinceUs)
  const lost = await Promise.all(fleet.promised.map((promised) => lostHold(fleet, promised)))
  return [...[...all.flat(), ...ordered].map(({ text }) => text), ...lost.flat(), ...unknownHolds(fleet, status)]
}

/** Who is held to a promise: a member, as far as that matters. */
type Party = Pick<Member, 'units' | 'targetUnit' | 'needs'> & { readonly host: Pick<Member['host'], 'name'> }

interface Breach {
  readonly at: number
  readonly text: string
}

/** S1: from `drained` until it opens, no unit of the host becomes active, over any number of boots. */
export function startedWhileDrained(member: Party, journal: readonly Entry[]): readonly Breach[] {
  const { name } = member.host
  const shut = journal.flatMap(({ at, by, fields }) => {
    if (by !== 'guardian') return []
    if (fields.event === 'drained') return [{ at, shut: true }]
    return fields.event === 'opening-started' ? [{ at, shut: false }] : []
  })
  const starts = momentsOf(journal, member.units).filter(({ what }) => what === 'starting' || what === 'started')
  return starts
    .filter(({ at }) => shut.findLast((turn) => turn.at < at)?.shut === true)
    .map(({ at, unit, what }) => ({ at, text: `S1: ${unit} of ${name} ${what} while it was drained` }))
}

/** S2: where a drain was answered with success, nothing runs any more. */
export function runningWhenDone(
  member: Party,
  journal: readonly Entry[],
  promised: readonly Promised[],
): readonly Breach[] {
  const { name } = member.host
  const moments = momentsOf(journal, member.units)
  return promised
    .filter(({ hosts }) => hosts.includes(name))
    .flatMap(({ at, hold }) => {
      const running = runningAt(moments, at)
      return running.length === 0
        ? []
        : [{ at, text: `S2: ${hold} was done while ${running.join(', ')} of ${name} ran` }]
    })
}

/** S3: a target opens only towards databases that are there. */
export function openedTooEarly(
  fleet: Pick<Fleet, 'postgres'>,
  member: Party,
  journal: readonly Entry[],
  io: readonly Entry[],
): readonly Breach[] {
  const { host, targetUnit, needs } = member
  const units: Readonly<Record<string, string>> = { postgresql: fleet.postgres, redis: 'redis-server.service' }
  const opened = momentsOf(journal, [targetUnit]).filter(({ what }) => what === 'started')
  return needs.flatMap((resource) => {
    const turns = turnsOf(io, resource, units[resource] ?? '')
    return opened
      .filter(({ at }) => !isReadyAt(turns, at))
      .map(({ at }) => ({ at, text: `S3: ${host.name} opened while ${resource} was not ready` }))
  })
}

/** S4, by the word of a host: over all its boots it follows nobody with a lower epoch, nor a twin with the same one. */
export function obeyedTheSuperseded({ host }: Party, journal: readonly Entry[]): readonly Breach[] {
  const claims = journal.flatMap(({ at, by, fields }) => {
    const { event, epoch = '', instance = '' } = fields
    return by === 'guardian' && event === 'claim-accepted' ? [{ at, epoch: Number(epoch), instance }] : []
  })
  return claims.flatMap(({ at, epoch, instance }, index) => {
    const before = claims[index - 1]
    if (before === undefined || epoch > before.epoch) return []
    // The same once more: it has lost its disk in between.
    if (epoch === before.epoch && instance === before.instance) return []
    return [{ at, text: `S4: ${host.name} followed epoch ${epoch} of ${instance} after ${before.epoch}` }]
  })
}

/** S4, by the word of a coordinator: from `superseded` until a person has it take over it neither takes nor ends a hold. */
export function orderedWhileSuperseded(journal: readonly Entry[]): readonly Breach[] {
  let superseded = false
  return journal.flatMap(({ at, host, by, unit, fields }) => {
    const { event = '', hold = '' } = fields
    if (by !== 'guardian' || unit !== 'io-guardian-coordinator.service') return []
    if (event === 'superseded') superseded = true
    if (event === 'taken-over' || event === 'ready') superseded = false
    const orders = ['hold-taken', 'hold-released', 'hold-narrowed', 'wave-started'].includes(event)
    return superseded && orders ? [{ at, text: `S4: ${event} ${hold} on ${host} by one who is superseded` }] : []
  })
}

/** S5: what was answered with success still stands on each host's disk. */
async function lostHold(fleet: Fleet, { hold, hosts, ended }: Promised): Promise<readonly string[]> {
  if (ended) return []
  const lost = await Promise.all(
    hosts.map(async (name) => {
      const { host, target } = fleet.member(name)
      const marker = await readFile(join(host.root, 'var/lib/io-guardian/drained', target), 'utf8').catch(() => '')
      return marker.includes(hold) ? [] : [`S5: ${name} has forgotten the hold ${hold}`]
    }),
  )
  return lost.flat()
}

/** S5: and the coordinator, where it can be asked, still has it. */
function unknownHolds({ promised }: Fleet, status: FleetStatus | null): readonly string[] {
  if (status === null || status.superseded !== null) return []
  const known = new Set(status.holds.map(({ id }) => id))
  return promised
    .filter(({ hold, ended }) => !ended && !known.has(hold))
    .map(({ hold }) => `S5: the coordinator has forgotten the hold ${hold}`)
}
