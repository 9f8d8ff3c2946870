import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
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

/** What of S1, S2, S3 and S5 did not hold since a moment; nobody who was superseded ordered, or S1 would show it. */
export async function broken(fleet: Fleet, sinceUs: number): Promise<readonly string[]> {
  const io = await fleet.io.journal(0)
  const all = await Promise.all(
    fleet.members.map(async (member) => {
      const journal = await member.host.journal(0)
      return [
        ...startedWhileDrained(member, journal),
        ...runningWhenDone(member, journal, fleet.promised),
        ...openedTooEarly(fleet, member, journal, io),
      ].filter(({ at }) => at >= sinceUs)
    }),
  )
  const lost = await Promise.all(fleet.promised.map((promised) => lostHold(fleet, promised)))
  return [...all.flat().map(({ text }) => text), ...lost.flat()]
}

interface Breach {
  readonly at: number
  readonly text: string
}

/** S1: from `drained` until it opens, no unit of the host becomes active, over any number of boots. */
function startedWhileDrained(member: Member, journal: readonly Entry[]): readonly Breach[] {
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
function runningWhenDone(member: Member, journal: readonly Entry[], promised: readonly Promised[]): readonly Breach[] {
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
function openedTooEarly(
  fleet: Fleet,
  member: Member,
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
