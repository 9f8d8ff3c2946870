import type { AgentEffect } from './effect.ts'
import type { Duty, TargetRecord } from './state.ts'

/** What becomes of one target: what must be on disk first, and what follows where it is and where it cannot be. */
export interface Move {
  readonly save: TargetRecord | null
  readonly next: Course
  readonly otherwise: Course
}

export interface Course {
  readonly duty: Duty
  readonly effects: readonly AgentEffect[]
}

/** A move that needs no disk. */
export function go(duty: Duty, effects: readonly AgentEffect[] = []): Move {
  return { save: null, next: { duty, effects }, otherwise: { duty, effects } }
}

/** `before` has already happened in memory; put its effects in front of both courses of `move`. */
export function after(before: Course, move: Move): Move {
  const prefixed = (course: Course): Course => ({ ...course, effects: [...before.effects, ...course.effects] })
  return { save: move.save, next: prefixed(move.next), otherwise: prefixed(move.otherwise) }
}

/** Runs rules in order until one needs the disk; the rest have their turn at the next event. */
export function inTurn(duty: Duty, rules: readonly ((duty: Duty) => Move | null)[]): Move {
  let course: Course = { duty, effects: [] }
  for (const rule of rules) {
    const move = rule(course.duty)
    if (move === null) continue
    if (move.save !== null) return after(course, move)
    course = { duty: move.next.duty, effects: [...course.effects, ...move.next.effects] }
  }
  return go(course.duty, course.effects)
}
