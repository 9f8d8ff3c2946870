/** What follows from an event: the new state, what to do in this order, and what the asker is told. */
export interface Next<State, Effect, Answer = null> {
  readonly state: State
  readonly effects: readonly Effect[]
  readonly answer: Answer
}

/**
 * What a core decides on one event. Nothing of `next` happens before `save` is durable; where it cannot be made so
 * (a full disk), `otherwise` happens instead; a getter where it is much work, for it is almost never asked.
 */
export interface Step<State, Save, Effect, Answer = null> {
  readonly save: Save | null
  readonly next: Next<State, Effect, Answer>
  readonly otherwise: Next<State, Effect, Answer>
}
