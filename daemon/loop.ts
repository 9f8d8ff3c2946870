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
  let state = parts.state
  let busy = false
  const queue: Waiting<Event, Answer>[] = []
  const listeners = new Set<(state: State, before: State) => void>()

  function goOn(): void {
    if (busy) return
    busy = true
    for (let waiting = queue.shift(); waiting !== undefined; waiting = queue.shift()) {
      if (take(waiting) === 'saving') return
    }
    busy = false
  }

  /** While it saves, the end of the save goes on with the queue. */
  function take(waiting: Waiting<Event, Answer>): 'done' | 'saving' {
    let step: Step<State, Save, Effect, Answer>
    try {
      step = parts.step(state, waiting.event)
    } catch (cause) {
      if (!(cause instanceof GuardianError)) parts.onBug(cause)
      waiting.reject(cause)
      return 'done'
    }
    const saving = save(step.save)
    if (saving === null || saving instanceof Failed) {
      settle(waiting, step, saving)
      return 'done'
    }
    saving.then((failure) => {
      settle(waiting, step, failure)
      busy = false
      goOn()
    })
    return 'saving'
  }

  function save(what: Save | null): Promise<Failed | null> | Failed | null {
    if (what === null) return null
    try {
      const saving = parts.save(what)
      return saving === undefined
        ? null
        : saving.then(
            () => null,
            (cause: unknown) => new Failed(cause),
          )
    } catch (cause) {
      return new Failed(cause)
    }
  }

  function settle(
    waiting: Waiting<Event, Answer>,
    step: Step<State, Save, Effect, Answer>,
    failure: Failed | null,
  ): void {
    const before = state
    const { state: after, effects, answer } = failure === null ? step.next : step.otherwise
    try {
      if (failure !== null) parts.onSaveFailed?.(failure.cause)
      state = after
      for (const effect of effects) parts.perform(effect, loop)
      if (state !== before) for (const listener of listeners) listener(state, before)
    } catch (cause) {
      parts.onBug(cause)
      waiting.reject(cause)
      return
    }
    if (answer instanceof GuardianError) waiting.reject(answer)
    else waiting.resolve(answer)
  }

  const loop: Loop<State, Event, Answer> = {
    get state() {
      return state
    },
    dispatch(event) {
      const answer = new Promise<Answer>((resolve, reject) => {
        queue.push({ event, resolve, reject })
        goOn()
      })
      // A refusal that nobody waits for is no reason to end the daemon; a bug has gone to onBug.
      answer.catch(() => {})
      return answer
    },
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return loop
}
