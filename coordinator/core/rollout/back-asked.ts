import { GuardianError } from '../../../protocol/errors.ts'
import type { RolloutOrder } from '../../../protocol/rollout/api.ts'
import { parseSelector } from '../../../protocol/selector.ts'
import type { FleetState } from '../state.ts'
import type { Draft } from './draft.ts'
import { phaseOf, runsOf } from './kinds.ts'
import { refuseRivals } from './start.ts'
import type { HostRun, Rollout } from './state.ts'
import { turnBack } from './trouble.ts'

/** Hosts that were changed go back to what ran before, also where the rollout is long over. */
export function backAsked(draft: Draft, rollout: Rollout, order: Extract<RolloutOrder, { verb: 'rollback' }>): void {
  const { id, now } = rollout
  if (now.is === 'planning' || now.is === 'planned' || now.is === 'discarded')
    throw new GuardianError('conflict', `${id} is ${now.is}: it has changed nothing`)
  if (now.is === 'rolling-back') return
  if (rollout.irreversible && !order.pastIrreversible)
    throw new GuardianError(
      'conflict',
      `${id} has run a hook without a way back: --past-irreversible says that you know what follows`,
    )
  const { state } = draft
  const matches = parseSelector(order.selector)
  const chosen = draft
    .runs(id)
    .filter(({ host }) => matches({ name: host, tags: state.plan.hosts.get(host)?.tags ?? [] }))
  const runs = chosen.filter((run) => phaseOf(run) !== 'before' && run.now.is !== 'reverted')
  if (runs.length === 0)
    throw new GuardianError(
      'nothing-selected',
      `no host that ${id} has changed matches ${JSON.stringify(order.selector)}`,
    )
  refuseRivals(state, rollout, runs)
  refuseRebuilt(state, rollout, runs)
  const hosts = new Set(runs.map(({ host }) => host))
  const reason = order.message === '' ? order.operator : `${order.operator}: ${order.message}`
  for (const run of runs) {
    if (run.now.is === 'revert-failed')
      draft.move(run, { to: { is: 'reverting', step: 'asking' }, reason, more: { back: true, released: false } })
  }
  turnBack(draft, id, ({ host }) => hosts.has(host), reason)
}

/** What ran before this rollout is not what ran before the last one. */
function refuseRebuilt(state: FleetState, { id }: Rollout, runs: readonly HostRun[]): void {
  const ids = [...state.rollouts.all.keys()]
  for (const later of ids.slice(ids.indexOf(id) + 1)) {
    const rebuilt = runs.find(({ host }) => runsOf(state, later).get(host)?.activated === true)
    if (rebuilt !== undefined)
      throw new GuardianError('conflict', `${rebuilt.host} was rebuilt by ${later} since: roll that back first`, {
        host: rebuilt.host,
      })
  }
}
