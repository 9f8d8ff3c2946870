import { limits } from '../../protocol/limits.ts'
import type { Step } from '../../protocol/step.ts'
import type { Outcome } from '../../protocol/v2/command.ts'
import type { AgentEffect, AgentSave } from './effect.ts'
import { type Greeting, keep } from './links.ts'
import { note } from './orders.ts'
import type { AgentState } from './state.ts'

export type AgentStep = Step<AgentState, AgentSave, AgentEffect>

/** What needs no disk. */
export function still(state: AgentState, effects: readonly AgentEffect[] = []): AgentStep {
  const next = { state, effects, answer: null }
  return { save: null, next, otherwise: next }
}

export function greeting({ state, seen, effects }: Greeting): AgentStep {
  const save = seen === null ? null : { seen, record: null }
  return {
    save,
    next: { state: keep(state, seen), effects, answer: null },
    otherwise: { state, effects, answer: null },
  }
}

/** An order that is not carried out, and why. */
export function answered(
  state: AgentState,
  link: string,
  { id }: { readonly id: string },
  outcome: 'failed' | 'stale',
  text: string,
): Greeting {
  const code = outcome === 'stale' ? 'stale' : 'unknown-target'
  return { state, seen: null, effects: [response(link, id, outcome, text), note({ what: 'refused', link, code })] }
}

export function response(link: string, id: string, outcome: Outcome, text: string): AgentEffect {
  const message = text.slice(0, limits.messageLength)
  return { type: 'send', link, message: { type: 'response', id, outcome, message, units: [], report: null } }
}
