import { GuardianError } from '../../../protocol/errors.ts'
import type { RolloutOrder } from '../../../protocol/rollout/api.ts'
import type { FleetStep } from '../change.ts'
import { refuseSuperseded } from '../drain.ts'
import type { FleetState } from '../state.ts'
import { backAsked } from './back-asked.ts'
import { Draft, type Moment } from './draft.ts'
import { isEnded, phaseOf } from './kinds.ts'
import { notPersisted } from './plan.ts'
import { giveUp, retry, skip } from './run-verbs.ts'
import { rolloutNamed } from './start.ts'
import type { Rollout } from './state.ts'
import { failuresOf, skipOpen } from './trouble.ts'

/** An operator's word on a rollout. Said twice it changes nothing more. */
export function rolloutOrdered(
  state: FleetState,
  { id, order }: { readonly id: string; readonly order: RolloutOrder },
  moment: Moment,
): FleetStep {
  refuseSuperseded(state)
  const rollout = rolloutNamed(state, id)
  const draft = new Draft(state, moment)
  obey(draft, rollout, order)
  return draft.finish({ rollout: id }, notPersisted)
}

function obey(draft: Draft, rollout: Rollout, order: RolloutOrder): void {
  switch (order.verb) {
    case 'discard':
      discard(draft, rollout, order)
      break
    case 'promote':
      promote(draft, rollout, order)
      break
    case 'pause':
      pause(draft, rollout, order)
      break
    case 'resume':
      resume(draft, rollout, order)
      break
    case 'abort':
      abort(draft, rollout, order)
      break
    case 'rollback':
      backAsked(draft, rollout, order)
      break
    case 'retry':
      retry(draft, rollout, order)
      break
    case 'skip':
      skip(draft, rollout, order)
      break
    case 'release':
      giveUp(draft, rollout, order)
      break
    default:
      order satisfies never
  }
}

export function saidBy({ operator, message }: RolloutOrder): string {
  return message === '' ? operator : `${operator}: ${message}`
}

export function misfit({ id, now }: Rollout, verb: string): GuardianError {
  return new GuardianError('conflict', `${id} is ${now.is}: there is nothing to ${verb}`)
}

function discard(draft: Draft, rollout: Rollout, order: RolloutOrder): void {
  const { is } = rollout.now
  if (is === 'discarded') return
  if (is !== 'planning' && is !== 'planned') throw misfit(rollout, 'discard')
  draft.turn(rollout.id, { is: 'discarded' }, saidBy(order), { endedMs: draft.moment.wallMs })
}

function promote(draft: Draft, rollout: Rollout, order: Extract<RolloutOrder, { verb: 'promote' }>): void {
  const { now, stage, stages, promotedTo } = rollout
  const isWaiting = stage.now.is === 'soaking' || (stage.now.is === 'waiting' && stage.now.on === 'approval')
  if ((now.is !== 'running' && now.is !== 'paused') || (!order.full && !isWaiting)) throw misfit(rollout, 'promote')
  const to = order.full ? stages.length : stage.at + 1
  if (to <= promotedTo) return
  draft.edit({ ...rollout, promotedTo: to })
  draft.event(rollout.id, 'rollout.promoted', saidBy(order))
}

/** No other host begins. Those on their way come to rest by themselves. */
function pause(draft: Draft, rollout: Rollout, order: RolloutOrder): void {
  const { now } = rollout
  if (now.is === 'paused') return
  if (now.is !== 'running' && now.is !== 'rolling-back') throw misfit(rollout, 'pause')
  draft.turn(rollout.id, { is: 'paused', was: now.is, by: 'operator' }, saidBy(order))
}

/** What has failed so far was seen. */
function resume(draft: Draft, rollout: Rollout, order: RolloutOrder): void {
  const { now } = rollout
  if (now.is === 'running' || now.is === 'rolling-back') return
  if (now.is !== 'paused') throw misfit(rollout, 'resume')
  const forgiven = failuresOf(draft.runs(rollout.id)).length
  draft.turn(rollout.id, { is: now.was }, saidBy(order), { forgiven })
  draft.event(rollout.id, 'rollout.resumed', saidBy(order))
}

function abort(draft: Draft, rollout: Rollout, order: Extract<RolloutOrder, { verb: 'abort' }>): void {
  const { id, now } = rollout
  if (now.is === 'planning' || now.is === 'planned')
    throw new GuardianError('conflict', `${id} has not begun: discard it`)
  if (isEnded(rollout)) throw misfit(rollout, 'abort')
  skipOpen(draft, id, 'aborted')
  for (const run of draft.runs(id)) {
    // Of those that were to go back in a rollback, whoever has not begun stays as it is.
    if (phaseOf(run) === 'after' && run.back) draft.editRun({ ...run, back: false })
    if (order.now && phaseOf(run) === 'underway' && run.now.is !== 'reverting') draft.editRun({ ...run, back: true })
  }
  if (now.is !== 'aborting') draft.turn(id, { is: 'aborting' }, saidBy(order))
}
