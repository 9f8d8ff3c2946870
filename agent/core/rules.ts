import { answerAll, reply } from './answer.ts'
import {
  dutyState,
  failedUnits,
  isHeld,
  isOpened,
  isQuiet,
  isStarting,
  isStopLost,
  isStopPending,
  isUp,
  stillRunning,
  stillStarting,
} from './duty.ts'
import { type Course, go, inTurn, type Move } from './move.ts'
import { nextRound, note, openWord } from './orders.ts'
import { mayOpen, probesGood } from './permission.ts'
import { fittingUnits, waitingFor } from './report.ts'
import { selfDrainRule } from './self-drain.ts'
import type { AgentState, Duty, Waiter, Work } from './state.ts'

/** Everything that a target does by itself, looked at once a second and after each event. */
export interface Moment {
  readonly state: AgentState
  readonly atMs: number
  readonly wallMs: number
  readonly nonce: string
}

type Rule = (duty: Duty, moment: Moment) => Move | null

const rules: readonly Rule[] = [
  settleDrain,
  stopAgain,
  selfDrainRule,
  persistAgain,
  adoptActive,
  settleOpening,
  noticeDrift,
  open,
  startAgain,
]

export function advance(duty: Duty, moment: Moment): Move {
  const move = inTurn(
    duty,
    rules.map((rule) => (current: Duty) => rule(current, moment)),
  )
  // Whatever the disk does, nobody waits past the deadline.
  return { save: move.save, next: tellLate(move.next, moment), otherwise: tellLate(move.otherwise, moment) }
}

const lostStopMs = 5_000
const cancelledStopMs = 500

function settleDrain(duty: Duty, { state }: Moment): Move | null {
  if (!isHeld(duty) || !isQuiet(duty)) return null
  const units = failedUnits(duty)
  const text =
    units.length === 0 ? `${duty.spec.name} is drained` : `${duty.spec.name} is drained; failed: ${units.join(', ')}`
  const word = duty.durable
    ? { outcome: 'ok' as const, text, units }
    : {
        outcome: 'not-persisted' as const,
        text: `${text}, but the marker could not be written: a reboot would open it`,
        units,
      }
  const told = answerAll(duty, 'drained', state.bootId, word)
  if (duty.work.is === 'rest') return told.effects.length === 0 ? null : go(told.duty, told.effects)
  const drained = note({ what: 'drained', target: duty.spec.name, failed: units })
  return go({ ...told.duty, work: { is: 'rest' } }, [drained, ...told.effects])
}

/** Also the first stop: a held target that rests without being quiet. */
function stopAgain(duty: Duty, { atMs }: Moment): Move | null {
  if (!isHeld(duty) || isQuiet(duty)) return null
  const before = duty.work.is === 'stopping' ? duty.work : null
  if (before !== null && !isStopDue(duty, before, atMs)) return null
  const round = nextRound(duty)
  const unseen = before === null || isSeen(duty) ? 0 : before.unseen + 1
  const effects = before === null ? [note({ what: 'drain-started', target: duty.spec.name })] : []
  const stopping: Duty = { ...duty, round, work: { is: 'stopping', sinceMs: atMs, unseen } }
  return go(stopping, [...effects, { type: 'stop', target: duty.spec.name, round }])
}

function isStopDue(duty: Duty, work: Extract<Work, { is: 'stopping' }>, atMs: number): boolean {
  const spentMs = atMs - work.sinceMs
  // On a slow bus each stop would outrun the views of the one before, for ever.
  if (duty.view === null || !isSeen(duty)) return spentMs >= lostStopMs * 2 ** Math.min(work.unseen, 4)
  return isStopLost(duty.view) && spentMs >= cancelledStopMs
}

function isSeen(duty: Duty): boolean {
  return duty.view?.round === duty.round
}

function persistAgain(duty: Duty): Move | null {
  if (duty.durable) return null
  return {
    save: duty.record,
    next: { duty: { ...duty, durable: true }, effects: [] },
    otherwise: { duty, effects: [] },
  }
}

/** Nothing was decided, and it runs: the agent came later than the target. */
function adoptActive(duty: Duty, { state }: Moment): Move | null {
  if (dutyState(duty, state.bootId) !== 'undecided' || duty.view?.target.active !== 'active') return null
  return opened(duty, state.bootId)
}

function settleOpening(duty: Duty, { state }: Moment): Move | null {
  if (dutyState(duty, state.bootId) !== 'opening' || duty.view === null || !isUp(duty.view)) return null
  return opened(duty, state.bootId)
}

function opened(duty: Duty, bootId: string): Move {
  const record = { marker: null, opening: { bootId, is: 'open' as const } }
  const failed = failedUnits(duty)
  const text = `${duty.spec.name} is open, but failed: ${failed.join(', ')}`
  const word = failed.length === 0 ? openWord(duty) : { outcome: 'failed' as const, text, units: failed }
  const settled = (next: Duty) => {
    const told = answerAll(next, 'open', bootId, word)
    const effects = duty.work.is === 'rest' ? [] : [note({ what: 'opened', target: duty.spec.name, failed })]
    return { duty: told.duty, effects: [...effects, ...told.effects] }
  }
  const resting: Duty = { ...duty, work: { is: 'rest' }, allowed: false, drifted: false }
  return { save: record, next: settled({ ...resting, record }), otherwise: settled(resting) }
}

function noticeDrift(duty: Duty, { state }: Moment): Move | null {
  if (!isOpened(duty, state.bootId) || duty.record.opening?.is !== 'open' || duty.view === null) return null
  const isDown = duty.view.target.active !== 'active' && !isStarting(duty.view.target)
  if (isDown === duty.drifted) return null
  return go(
    { ...duty, drifted: isDown, allowed: false },
    isDown ? [note({ what: 'drifted', target: duty.spec.name })] : [],
  )
}

/** Persist that this boot opens, then remove the marker, then start. */
function open(duty: Duty, { state, atMs }: Moment): Move | null {
  if (!mayOpen(state, duty, atMs)) return null
  const record = { marker: null, opening: { bootId: state.bootId, is: 'opening' as const } }
  const target = duty.spec.name
  const starting: Duty = {
    ...duty,
    record,
    durable: true,
    drifted: false,
    work: { is: 'starting', attempt: 1, againAtMs: atMs + 1_000 },
  }
  const text = 'the state directory cannot be written, so the target stays shut; free space there'
  return {
    save: record,
    next: { duty: starting, effects: [note({ what: 'opening-started', target }), { type: 'start', target }] },
    otherwise: answerAll(duty, 'open', state.bootId, { outcome: 'not-persisted', text, units: [] }),
  }
}

const startPauseMaxMs = 30_000

function startAgain(duty: Duty, { state, atMs }: Moment): Move | null {
  if (dutyState(duty, state.bootId) !== 'opening' || duty.view === null || !probesGood(state, duty)) return null
  const { target } = duty.view
  if (target.active === 'active' || isStarting(target) || isStopPending(duty.view)) return null
  if (duty.work.is === 'starting' && atMs < duty.work.againAtMs) return null
  const attempt = duty.work.is === 'starting' ? duty.work.attempt + 1 : 1
  const againAtMs = atMs + Math.min(startPauseMaxMs, 500 * 2 ** Math.min(attempt, 10))
  return go({ ...duty, work: { is: 'starting', attempt, againAtMs } }, [{ type: 'start', target: duty.spec.name }])
}

const progressEveryMs = 500

/** A deadline ends the waiting, never the stop or the hold. */
function tellLate(course: Course, { state, atMs }: Moment): Course {
  const { duty } = course
  const late = duty.waiters.filter((waiter) => atMs >= waiter.deadlineMs)
  const due = duty.waiters.filter(
    (waiter) => atMs < waiter.deadlineMs && atMs >= waiter.progressAtMs && waiter.via === 'v2',
  )
  if (late.length === 0 && due.length === 0) return course
  const waiters = duty.waiters
    .filter((waiter) => !late.includes(waiter))
    .map((waiter) => (due.includes(waiter) ? { ...waiter, progressAtMs: atMs + progressEveryMs } : waiter))
  const next = { ...duty, waiters }
  const told = late.flatMap((waiter) => {
    const units = blocking(duty, waiter.want)
    const passed = note({ what: 'deadline-passed', target: duty.spec.name, want: waiter.want, units })
    return [
      passed,
      reply(waiter, next, state.bootId, { outcome: 'deadline', text: lateText(state, duty, waiter, units), units }),
    ]
  })
  const progress = due.map((waiter) => ({
    type: 'send' as const,
    link: waiter.link,
    message: {
      type: 'progress' as const,
      id: waiter.command,
      units: fittingUnits(blocking(duty, waiter.want)),
    },
  }))
  return { duty: next, effects: [...course.effects, ...told, ...progress] }
}

function blocking(duty: Duty, want: Waiter['want']): readonly string[] {
  if (want === 'drained') return stillRunning(duty)
  return duty.view === null ? [duty.spec.unit] : stillStarting(duty.view)
}

function lateText(state: AgentState, duty: Duty, { want }: Waiter, units: readonly string[]): string {
  if (want === 'drained') return `${duty.spec.name} still stops: ${units.join(', ')}`
  const reason = waitingFor(state, duty)
  if (reason !== '') return `released, waiting for ${reason}`
  return `${duty.spec.name} still starts: ${units.join(', ')}`
}
