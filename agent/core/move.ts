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

/**
 * Runs rules in order until one needs the disk; the rest have their turn at the next event. What an earlier rule has
 * to say is said first, by itself, so that no answer tells of a state that a save has already replaced.
 */
export function inTurn(duty: Duty, rules: readonly ((duty: Duty) => Move | null)[]): Move {
  let course: Course = { duty, effects: [] }
  for (const rule of rules) {
    const move = rule(course.duty)
    if (move === null) continue
    if (move.save !== null) return course.effects.length === 0 ? move : go(course.duty, course.effects)
    course = { duty: move.next.duty, effects: [...course.effects, ...move.next.effects] }
  }
  return go(course.duty, course.effects)
}
