import { asMessage } from '../../protocol/names.ts'
import type { V1Action } from '../../protocol/v1.ts'
import { applied, type Change, type FleetStep, noted, saveOf, still } from './change.ts'
import { linkOf, withSeat } from './links.ts'
import { reconcileOne } from './reconcile.ts'
import type { FleetState } from './state.ts'
import { holdsOn, targetsOf } from './wanted.ts'

/** A v1 server answered; it names no order and no target, so it speaks for all of its own. */
export function toldV1(
  state: FleetState,
  name: string,
  link: string,
  word: { action: V1Action; ok: boolean; text: string },
  atMs: number,
): FleetStep {
  const host = state.hosts.get(name)
  if (linkOf(host) !== link || word.action === 'ping') return still(state)
  const targets = targetsOf(state, name)
  const text = asMessage(word.text)
  const trouble = word.ok ? null : { is: 'failed' as const, reason: text }
  const acknowledged = word.ok ? word.action : null
  const change = word.ok ? { acknowledged, trouble, order: null } : { acknowledged, trouble }
  const answered = targets.reduce((now, target) => withSeat(now, name, target, change), state)
  if (!word.ok)
    return still(
      answered,
      noted(...targets.map((target) => ({ what: 'order-failed' as const, host: name, target, text }))),
    )
  // A hold that came while the server was opening makes the host owed again.
  const isOver = (target: string) => word.action === 'undrain' && holdsOn(state, name, target).length === 0
  const owe = targets.filter(isOver).map((target) => ({ seat: `${name}/${target}`, owed: false }))
  if (owe.length === 0) {
    const course = reconcileOne(answered, name, atMs)
    return still(course.state, course.effects)
  }
  const paid: Change = { owe, isQuiet: true }
  const after = applied(answered, paid)
  const course = reconcileOne(after, name, atMs)
  // Where the store is full a restart sends one undrain too many, which harms nobody.
  return { save: saveOf(after, paid), next: { ...course, answer: null }, otherwise: { ...course, answer: null } }
}
