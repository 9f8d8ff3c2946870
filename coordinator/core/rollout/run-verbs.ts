import { GuardianError } from '../../../protocol/errors.ts'
import type { RolloutOrder } from '../../../protocol/rollout/api.ts'
import type { Draft } from './draft.ts'
import { isEnded, isOpen, phaseOf } from './kinds.ts'
import { anew } from './run-trouble.ts'
import type { HostRun, Rollout } from './state.ts'

// An operator's word on one host, or one hook, of a rollout.

function runNamed(draft: Draft, { id }: Rollout, host: string): HostRun {
  const found = draft.runs(id).find((run) => run.host === host)
  if (found !== undefined) return found
  throw new GuardianError('unknown-host', `${host} is not in ${id}`, { host })
}

function said({ operator, message }: RolloutOrder): string {
  return message === '' ? operator : `${operator}: ${message}`
}

export function retry(draft: Draft, rollout: Rollout, order: Extract<RolloutOrder, { verb: 'retry' }>): void {
  if (isEnded(rollout) || rollout.now.is === 'aborting' || rollout.now.is === 'rolling-back')
    throw new GuardianError('conflict', `${rollout.id} is ${rollout.now.is}: make another plan`)
  if (order.hook !== undefined) retryHooks(draft, rollout, order, order.hook)
  else if (order.host !== undefined) retryRun(draft, rollout, runNamed(draft, rollout, order.host), order)
  else retryAll(draft, rollout, order)
}

function retryAll(draft: Draft, rollout: Rollout, order: RolloutOrder): void {
  retryHooks(draft, rollout, order, null)
  for (const run of draft.runs(rollout.id)) {
    const { is } = run.now
    if (is === 'failed' || is === 'blocked' || is === 'reverted' || is === 'revert-failed')
      retryRun(draft, rollout, run, order)
  }
}

function retryHooks(draft: Draft, { id }: Rollout, order: RolloutOrder, name: string | null): void {
  const rollout = draft.rollout(id)
  const isMeant = (hook: Rollout['hooks'][number]) => hook.now === 'failed' && (name === null || hook.name === name)
  if (name !== null && !rollout.hooks.some(isMeant))
    throw new GuardianError('conflict', `${id} has no failed hook ${name}`)
  if (!rollout.hooks.some(isMeant)) return
  const hooks = rollout.hooks.map((hook) => (isMeant(hook) ? { ...hook, now: 'pending' as const, reason: '' } : hook))
  draft.edit({ ...rollout, hooks })
  draft.event(id, 'hook.pending', said(order))
}

/** What was changed goes back first; what cannot go back is told once more to do so. */
function retryRun(draft: Draft, rollout: Rollout, run: HostRun, order: RolloutOrder): void {
  const reason = said(order)
  const { is } = run.now
  if (is === 'lost')
    throw new GuardianError('conflict', `${run.host} is silent: it is asked as soon as it speaks, or release its slot`)
  if (is === 'blocked' || is === 'skipped' || is === 'deferred' || is === 'reverted')
    draft.move(run, { to: { is: 'pending' }, reason, more: anew(rollout, run) })
  else if (is === 'failed') draft.editRun({ ...run, back: true, again: true, released: false })
  else if (is === 'revert-failed') {
    const more = { again: true, released: false, slotMs: run.slotMs ?? draft.moment.atMs }
    draft.move(run, { to: { is: 'reverting', step: 'asking' }, reason, more })
  } else throw new GuardianError('conflict', `${run.host} is ${is}: there is nothing to try again`)
}

export function skip(draft: Draft, rollout: Rollout, order: Extract<RolloutOrder, { verb: 'skip' }>): void {
  const run = runNamed(draft, rollout, order.host)
  if (run.now.is === 'skipped') return
  const isBefore = isOpen(run) || run.now.is === 'blocked' || run.now.is === 'deferred'
  if (isEnded(rollout) || !isBefore)
    throw new GuardianError('conflict', `${run.host} is ${run.now.is}: only a host that has not begun can be skipped`)
  draft.move(run, { to: { is: 'skipped' }, reason: said(order) })
}

/** A person answers for the host: it does not count any more until it speaks, or is in a later rollout. */
export function giveUp(draft: Draft, rollout: Rollout, order: Extract<RolloutOrder, { verb: 'release' }>): void {
  const run = runNamed(draft, rollout, order.host)
  if (run.released) return
  if (phaseOf(run) !== 'troubled')
    throw new GuardianError(
      'conflict',
      `${run.host} is ${run.now.is}: only a slot of a host in trouble can be released`,
    )
  draft.editRun({ ...run, released: true, slotMs: null })
  draft.event(rollout.id, 'slot.released', said(order), { host: run.host })
}
