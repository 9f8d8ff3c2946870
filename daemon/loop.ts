import { GuardianError } from '../protocol/errors.ts'
import type { Next, Step } from '../protocol/step.ts'

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

/** Runs `step` over one event after the other; nothing comes between a save and what follows from it. */
export function createLoop<State, Event, Save, Effect, Answer>(
  parts: LoopParts<State, Event, Save, Effect, Answer>,
): Loop<State, Event, Answer> {
  let state = parts.state
  let busy = false
  const queue: Waiting<Event, Answer>[] = []
  const listeners = new Set<(state: State, before: State) => void>()

  function drainQueue(): void {
    if (busy) return
    busy = true
    for (let waiting = queue.shift(); waiting !== undefined; waiting = queue.shift()) {
      const saving = begin(waiting)
      if (saving === null) continue
      saving.finally(() => {
        busy = false
        drainQueue()
      })
      return
    }
    busy = false
  }

  /** Null where the event was dealt with at once. */
  function begin(waiting: Waiting<Event, Answer>): Promise<void> | null {
    const step = attempt(waiting, () => parts.step(state, waiting.event))
    if (step === null) return null
    const { save, next, otherwise } = step
    const failed = (cause: unknown) => {
      parts.onSaveFailed?.(cause)
      settle(waiting, otherwise)
    }
    try {
      const saving = save === null ? undefined : parts.save(save)
      if (saving !== undefined) return saving.then(() => settle(waiting, next), failed)
    } catch (cause) {
      failed(cause)
      return null
    }
    settle(waiting, next)
    return null
  }

  function settle(waiting: Waiting<Event, Answer>, next: Next<State, Effect, Answer>): void {
    attempt(waiting, () => {
      const before = state
      state = next.state
      for (const effect of next.effects) parts.perform(effect, loop)
      if (state !== before) for (const listener of listeners) listener(state, before)
      if (next.answer instanceof GuardianError) waiting.reject(next.answer)
      else waiting.resolve(next.answer)
    })
  }

  function attempt<Result>(waiting: Waiting<Event, Answer>, work: () => Result): Result | null {
    try {
      return work()
    } catch (cause) {
      if (!(cause instanceof GuardianError)) parts.onBug(cause)
      waiting.reject(cause)
      return null
    }
  }

  const loop: Loop<State, Event, Answer> = {
    get state() {
      return state
    },
    dispatch(event) {
      const answer = new Promise<Answer>((resolve, reject) => {
        queue.push({ event, resolve, reject })
        drainQueue()
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
