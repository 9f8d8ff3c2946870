import type { TakeoverRequest } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { applied, type Change, type FleetStep, noted, saveOf, settle, still } from './change.ts'
import { stillAwaited } from './configure.ts'
import type { FleetEffect } from './effect.ts'
import { linkOf } from './links.ts'
import { pausedByTakeover } from './rollout/takeover.ts'
import type { FleetState } from './state.ts'
import { holdStatus } from './status.ts'
import { Table } from './table.ts'
import { isStanding } from './wanted.ts'

/**
 * A person says that this coordinator is the one. It claims more than any agent has seen, and opens no host until each
 * has reported or been excused: whatever the lost store knew, the markers still know.
 */
export function takeoverAsked(
  state: FleetState,
  request: TakeoverRequest,
  { atMs, wallMs }: { readonly atMs: number; readonly wallMs: number },
): FleetStep {
  refuseUnknownHosts(state, request.excuse)
  const isOver = state.superseded !== null
  const awaiting = awaitedBy(state, request.excuse)
  const unmarked = [...state.holds.values()].filter(
    (hold) => (isOver || state.unmarked.has(hold.id)) && !isStanding(state, hold),
  )
  const view = { unmarked: unmarked.map((hold) => holdStatus(state, hold, atMs)), awaiting: [...awaiting] }
  if (request.dryRun) return still(state, [], { claim: state.claim, ...view })
  const strange = request.drop.find((id) => !unmarked.some((hold) => hold.id === id))
  if (strange !== undefined)
    throw new GuardianError(
      'unknown-hold',
      `${strange} is not a hold that no marker carries, so it cannot be dropped here`,
    )
  const paused = isOver ? pausedByTakeover(state, { atMs, wallMs }) : { state, effects: [] }
  const isQuiet = !isOver && request.drop.length === 0
  const change: Change = {
    ...{ superseded: null, awaiting, release: request.drop, isQuiet },
    ...(paused.save === undefined ? {} : { rollouts: paused.save }),
  }
  const raised = isOver ? unknowing({ ...paused.state, claim: above(state) }) : state
  const after = applied(raised, change)
  const taken = isOver ? [...noted({ what: 'taken-over', text: `epoch ${after.claim.epoch}` }), ...closeAll(state)] : []
  const dropped = unmarked.filter((hold) => request.drop.includes(hold.id))
  const ended = noted(...dropped.map(({ id, owner }) => ({ what: 'hold-released' as const, hold: id, owner })))
  return {
    save: saveOf(after, change),
    next: settle(after, atMs, [...taken, ...paused.effects, ...ended], { claim: after.claim, ...view }),
    otherwise: { state, effects: [], answer: refused },
  }
}

const refused = new GuardianError(
  'not-persisted',
  'the store cannot be written; free space in the state directory and try again',
)

/** A name that is misspelt would excuse nobody, and the person would wait for what never comes. */
function refuseUnknownHosts({ plan }: FleetState, excuse: readonly string[]): void {
  const strange = excuse.find((host) => !plan.hosts.has(host))
  if (strange === undefined) return
  throw new GuardianError(
    'unknown-host',
    `no host named ${strange}, so nobody waits for it; see "guardian ctl hosts"`,
    {
      host: strange,
    },
  )
}

/** Who is to report before anybody is opened: all at a takeover, afterwards whoever has not and is not excused. */
function awaitedBy(state: FleetState, excuse: readonly string[]): ReadonlySet<string> {
  const hosts = state.superseded === null ? state.awaiting : state.plan.hosts.keys()
  return stillAwaited(
    state.plan,
    [...hosts].filter((host) => !excuse.includes(host)),
  )
}

/** What hosts told before may be what the other coordinator has changed since: only a new report counts. */
function unknowing(state: FleetState): FleetState {
  const hosts = [...state.hosts].map(([name, host]) => [name, { ...host, seats: new Map(), jobs: null }] as const)
  return { ...state, hosts: Table.of(hosts), unmarked: new Set(state.holds.keys()) }
}

function above({ claim, highest }: FleetState) {
  return {
    ...claim,
    epoch: Math.max(claim.epoch, highest.epoch) + 1,
    revision: Math.max(claim.revision, highest.revision),
  }
}

/** Every agent refused the old claim, so every link begins again with the new one. */
function closeAll(state: FleetState): readonly FleetEffect[] {
  return [...state.hosts].flatMap(([host, now]): readonly FleetEffect[] => {
    const link = linkOf(now)
    return link === null ? [] : [{ type: 'close', host, link, reason: 'taken over' }]
  })
}
