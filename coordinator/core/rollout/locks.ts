import { GuardianError } from '../../../protocol/errors.ts'
import { type FleetStep, still } from '../change.ts'
import { refuseSuperseded } from '../drain.ts'
import type { FleetState } from '../state.ts'
import { budgetsOf, roomForLock } from './budgets.ts'
import { Draft, type Moment } from './draft.ts'

// FleetLock: machines that are no hosts of guardian reboot under the same budgets. A lock never ends by time: it would free the
// slot of a machine that is really down.

interface Asked {
  readonly id: string
  readonly group: string
}

const notPersisted = new GuardianError(
  'not-persisted',
  'the store cannot be written, so no lock was given or taken back',
)

export function lockAsked(state: FleetState, { id, group }: Asked, moment: Moment): FleetStep {
  refuseSuperseded(state)
  const known = state.rollouts.locks.get(id)
  if (known?.group === group) return still(state)
  if (known !== undefined) throw new GuardianError('held', `${id} has a lock of group ${known.group} already`)
  const budget = budgetsOf(state).get(group)
  if (budget === undefined)
    throw new GuardianError(
      'bad-request',
      `no budget named ${group}; there is: ${[...budgetsOf(state).keys()].join(', ')}`,
    )
  const room = roomForLock(state, group, budget)
  if (room.is === 'full')
    throw new GuardianError(
      'held',
      `budget ${group}: ${room.taken.length} of ${room.max} out of service (${room.taken.join(', ')})`,
    )
  const draft = new Draft(state, moment)
  draft.lock({ id, group, sinceMs: moment.wallMs })
  return draft.finish(null, notPersisted)
}

export function lockReleased(state: FleetState, { id, group }: Asked, moment: Moment): FleetStep {
  refuseSuperseded(state)
  if (state.rollouts.locks.get(id)?.group !== group) return still(state)
  const draft = new Draft(state, moment)
  draft.unlock(id)
  return draft.finish(null, notPersisted)
}
