import { limits } from '../../protocol/limits.ts'
import type { Outcome } from '../../protocol/v2/command.ts'
import { holdsOf } from './duty.ts'
import type { AgentEffect } from './effect.ts'
import type { Course } from './move.ts'
import { fittingUnits, targetReport } from './report.ts'
import type { Duty, Waiter } from './state.ts'

export interface Word {
  readonly outcome: Outcome
  readonly text: string
  readonly units: readonly string[]
}

/** Answers everybody who waits for `want`, and forgets them. */
export function answerAll(duty: Duty, want: Waiter['want'], bootId: string, word: Word): Course {
  const asked = duty.waiters.filter((waiter) => waiter.want === want)
  if (asked.length === 0) return { duty, effects: [] }
  const rest = { ...duty, waiters: duty.waiters.filter((waiter) => waiter.want !== want) }
  return { duty: rest, effects: asked.map((waiter) => reply(waiter, rest, bootId, word)) }
}

/** The answer to one order, with the target's present state. */
export function reply(waiter: Waiter, duty: Duty, bootId: string, word: Word): AgentEffect {
  if (waiter.via === 'v1') {
    const action = waiter.want === 'drained' ? 'drain' : 'undrain'
    return { type: 'send-v1', link: waiter.link, action, ok: word.outcome === 'ok', text: word.text }
  }
  const { outcome, text, units } = word
  const report = targetReport(duty, bootId)
  const message = text.slice(0, limits.messageLength)
  return {
    type: 'send',
    link: waiter.link,
    message: {
      type: 'response',
      id: waiter.command,
      outcome,
      message,
      units: fittingUnits(units),
      report,
    },
  }
}

/** What a person is told where holds keep a target shut. */
export function heldText(duty: Duty): string {
  const names = holdsOf(duty).map((hold) => `${hold.owner} (${hold.id})`)
  return `${duty.spec.name} stays drained: held by ${names.join(', ')}`
}
