import type { Hold } from '../../protocol/hold.ts'
import { limits } from '../../protocol/limits.ts'
import { answerAll, heldText, reply, type Word } from './answer.ts'
import { dutyState, holdsOf, isHeld } from './duty.ts'
import type { AgentEffect, AgentNote } from './effect.ts'
import { type Course, go, type Move } from './move.ts'
import type { Duty, Waiter } from './state.ts'

interface Context {
  readonly bootId: string
  /** Whoever is to be told the outcome; null where nobody asked. */
  readonly waiter: Waiter | null
}

/**
 * Takes and drops holds so that at least one stands. The stop follows where there was none; on a full disk it follows
 * all the same, and whoever waits is told that it was not persisted.
 */
export function takeHolds(duty: Duty, add: readonly Hold[], release: readonly string[], context: Context): Move {
  const before = holdsOf(duty)
  const kept = before.filter((hold) => !release.includes(hold.id))
  const fresh = add.filter((hold) => !kept.some((other) => other.id === hold.id))
  const marker = [...kept, ...fresh]
  if (fresh.some(isDirect) && marker.filter(isDirect).length > limits.directHoldsMax)
    return go(duty, refuse(duty, context, crowdedWord(duty)))
  const waiting = waitFor(duty, context.waiter)
  const isSame = fresh.length === 0 && kept.length === before.length && duty.durable
  if (isSame) {
    const turned = answerAll(waiting, 'open', context.bootId, replacedWord)
    return go(turned.duty, turned.effects)
  }
  const held: Duty = { ...waiting, record: { marker, opening: null }, allowed: false, drifted: false }
  const notes = notesOf(duty, fresh, release)
  // Whoever waited for the opening is answered with what stands after the hold.
  const course = (durable: boolean): Course => {
    const stopping = { ...(isHeld(duty) ? held : unstopped(held)), durable }
    const turned = answerAll(stopping, 'open', context.bootId, replacedWord)
    return { duty: turned.duty, effects: [...turned.effects, ...notes] }
  }
  const lost = course(false)
  return {
    save: held.record,
    next: course(true),
    otherwise: { ...lost, effects: [...lost.effects, note({ what: 'not-persisted', target: duty.spec.name })] },
  }
}

/** A round that no view has, so that nothing counts as stopped before the next tick has sent a stop. */
function unstopped(duty: Duty): Duty {
  return { ...duty, work: { is: 'rest' }, round: nextRound(duty) }
}

/** Above any round that a view may still carry. */
export function nextRound(duty: Duty): number {
  return Math.max(duty.round, duty.view?.round ?? 0) + 1
}

/** Drops holds, durably or not at all. An empty marker stays until the target may open. */
export function dropHolds(duty: Duty, release: readonly string[], allow: boolean, context: Context): Move {
  const kept = holdsOf(duty).filter((hold) => !release.includes(hold.id))
  const isChanged = kept.length !== holdsOf(duty).length
  const allowed = (duty.allowed || allow) && kept.length === 0
  if (!isChanged) return afterDrop({ ...duty, allowed }, allow, context)
  const record = { marker: kept, opening: null }
  const dropped = afterDrop({ ...duty, record, durable: true, allowed }, allow, context)
  const notes = notesOf(duty, [], release)
  // What was refused may stand all the same, so what stood before is written again.
  const unsure = { ...duty, durable: false }
  return {
    save: record,
    next: { duty: dropped.next.duty, effects: [...notes, ...dropped.next.effects] },
    otherwise: { duty: unsure, effects: refuse(unsure, context, notPersistedWord) },
  }
}

function afterDrop(duty: Duty, allow: boolean, context: Context): Move {
  if (isHeld(duty)) return go(duty, refuse(duty, context, { outcome: 'held', text: heldText(duty), units: [] }))
  const turned = answerAll(duty, 'drained', context.bootId, replacedWord)
  const { waiter } = context
  if (waiter === null) return go(turned.duty, turned.effects)
  if (dutyState(duty, context.bootId) === 'open') {
    return go(turned.duty, [...turned.effects, reply(waiter, turned.duty, context.bootId, openWord(duty))])
  }
  if (!allow && waiter.via === 'v2' && dutyState(duty, context.bootId) !== 'opening') {
    const text = `${duty.spec.name} is released and not yet allowed to open`
    return go(turned.duty, [
      ...turned.effects,
      reply(waiter, turned.duty, context.bootId, { outcome: 'ok', text, units: [] }),
    ])
  }
  return go(waitFor(turned.duty, waiter), turned.effects)
}

function refuse(duty: Duty, { waiter, bootId }: Context, word: Word): readonly AgentEffect[] {
  return waiter === null ? [] : [reply(waiter, duty, bootId, word)]
}

function waitFor(duty: Duty, waiter: Waiter | null): Duty {
  return waiter === null ? duty : { ...duty, waiters: [...duty.waiters, waiter] }
}

function notesOf(duty: Duty, fresh: readonly Hold[], release: readonly string[]): readonly AgentEffect[] {
  const target = duty.spec.name
  const taken = fresh.map(({ id, owner, message }) =>
    note({ what: 'hold-taken', target, hold: id, owner, text: message }),
  )
  const gone = holdsOf(duty).filter((hold) => release.includes(hold.id))
  return [...gone.map(({ id, owner }) => note({ what: 'hold-released', target, hold: id, owner })), ...taken]
}

export function note(what: AgentNote): AgentEffect {
  return { type: 'note', note: what }
}

export function openWord(duty: Duty): Word {
  return { outcome: 'ok', text: `${duty.spec.name} is open`, units: [] }
}

function isDirect({ owner }: Hold): boolean {
  return owner === 'direct'
}

function crowdedWord({ spec }: Duty): Word {
  const text = `${spec.name} has ${limits.directHoldsMax} holds of direct already; release them with "guardian ctl --direct undrain"`
  return { outcome: 'failed', text, units: [] }
}

const replacedWord: Word = { outcome: 'replaced', text: 'a later order turned the target the other way', units: [] }
const notPersistedWord: Word = {
  outcome: 'not-persisted',
  text: 'the state directory cannot be written, so no hold was released; free space there and try again',
  units: [],
}
