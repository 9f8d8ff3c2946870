import { GuardianError } from '../protocol/errors.ts'
import type { Step } from '../protocol/step.ts'

/** The one writer of a daemon's state. */
export interface Loop<State, Event, Answer> {
  readonly state: State
  /**
   * Resolves with the answer once its save is durable and its effects were handed over. Rejects with the
   * GuardianError of a refusal, thrown by the step or answered; any other cause is a bug and goes to `onBug` as well.
   */
  dispatch(event: Event): Promise<Answer>
  /** Called after each event whose step changed the state. */
  watch(listener: (state: State, before: State) => void): () => void
}

export interface LoopParts<State, Event, Save, Effect, Answer> {
  readonly state: State
  readonly step: (state: State, event: Event) => Step<State, Save, Effect, Answer>
  /** What it throws means: not durable. */
  readonly save: (save: Save) => Promise<void> | void
  /** Never throws and never waits: long work comes back as an event. */
  readonly perform: (effect: Effect, loop: Loop<State, Event, Answer>) => void
  readonly onBug: (cause: unknown) => void
  readonly onSaveFailed?: (cause: unknown) => void
}

interface Waiting<Event, Answer> {
  readonly event: Event
  readonly resolve: (answer: Answer) => void
  readonly reject: (cause: unknown) => void
}

/** A save that did not become durable. */
class Failed {
  readonly cause: unknown

  constructor(cause: unknown) {
    this.cause = cause
  }
}

/** Runs `step` over one event after the other; nothing comes between a save and what follows from it. */
export function createLoop<State, Event, Save, Effect, Answer>(
  parts: LoopParts<State, Event, Save, Effect, Answer>,
): Loop<State, Event, Answer> {
  return new SerialLoop(parts)
}

class SerialLoop<State, Event, Save, Effect, Answer> implements Loop<State, Event, Answer> {
  readonly #parts: LoopParts<State, Event, Save, Effect, Answer>
  readonly #queue: Waiting<Event, Answer>[] = []
  readonly #listeners = new Set<(state: State, before: State) => void>()
  #state: State
  #busy = false

  constructor(parts: LoopParts<State, Event, Save, Effect, Answer>) {
    this.#parts = parts
    this.#state = parts.state
  }

  get state(): State {
    return this.#state
  }

  // Properties, so that either may be handed on without its loop.
  readonly dispatch = (event: Event): Promise<Answer> => {
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#queue.push({ event, resolve, reject })
      this.#goOn()
    })
    // A refusal that nobody waits for is no reason to end the daemon; a bug has gone to onBug.
    answer.catch(() => {})
    return answer
  }

  readonly watch = (listener: (state: State, before: State) => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #goOn(): void {
    if (this.#busy) return
    this.#busy = true
    for (let waiting = this.#queue.shift(); waiting !== undefined; waiting = this.#queue.shift()) {
      if (this.#take(waiting) === 'saving') return
    }
    this.#busy = false
  }

  /** While it saves, the end of the save goes on with the queue. */
  #take(waiting: Waiting<Event, Answer>): 'done' | 'saving' {
    let step: Step<State, Save, Effect, Answer>
    try {
      step = this.#parts.step(this.#state, waiting.event)
    } catch (cause) {
      if (!(cause instanceof GuardianError)) this.#parts.onBug(cause)
      waiting.reject(cause)
      return 'done'
    }
    const saving = this.#save(step.save)
    if (saving === null || saving instanceof Failed) {
      this.#settle(waiting, step, saving)
      return 'done'
    }
    saving.then((failure) => {
      this.#settle(waiting, step, failure)
      this.#busy = false
      this.#goOn()
    })
    return 'saving'
  }

  #save(what: Save | null): Promise<Failed | null> | Failed | null {
    if (what === null) return null
    const failed = (cause: unknown) => new Failed(cause)
    try {
      const saving = this.#parts.save(what)
      return saving === undefined ? null : saving.then(() => null, failed)
    } catch (cause) {
      return failed(cause)
    }
  }

  #settle(waiting: Waiting<Event, Answer>, step: Step<State, Save, Effect, Answer>, failure: Failed | null): void {
    const before = this.#state
    const { state, effects, answer } = failure === null ? step.next : step.otherwise
    try {
      if (failure !== null) this.#parts.onSaveFailed?.(failure.cause)
      this.#state = state
      for (const effect of effects) this.#parts.perform(effect, this)
      if (state !== before) for (const listener of this.#listeners) listener(state, before)
    } catch (cause) {
      this.#parts.onBug(cause)
      waiting.reject(cause)
      return
    }
    if (answer instanceof GuardianError) waiting.reject(answer)
    else waiting.resolve(answer)
  }
}
