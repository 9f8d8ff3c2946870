import { monotonicMs, randomId, wallMs } from '../daemon/clock.ts'
import { createLoop, type Loop } from '../daemon/loop.ts'
import { reasonOf } from '../daemon/reason.ts'
import type { MarkerStore } from './adapters/marker-store.ts'
import type { AgentEffect } from './core/effect.ts'
import type { AgentEvent } from './core/event.ts'
import type { AgentState } from './core/state.ts'
import { step } from './core/step.ts'

export type AgentLoop = Loop<AgentState, AgentEvent, null>

export type AgentStore = Pick<MarkerStore, 'save'>

export interface AgentLoopParts {
  readonly state: AgentState
  readonly store: AgentStore
  readonly perform: (effect: AgentEffect) => void
  readonly onBug: (cause: unknown) => void
  readonly onSaveFailed: (reason: string) => void
}

export interface TickedLoop extends AgentLoop {
  /** Lets every target look at the clock; resolves when all have. */
  tick(): Promise<void>
}

/** The agent's loop, with a tick of every target behind each event that changed something. */
export function createAgentLoop(parts: AgentLoopParts): TickedLoop {
  let running: AgentEvent['type'] = 'tick'
  /** Ticks that no step has taken yet, by target. */
  const queued = new Map<string, Promise<null>>()
  const loop: AgentLoop = createLoop({
    state: parts.state,
    step: (state: AgentState, event: AgentEvent) => {
      running = event.type
      if (event.type === 'tick') queued.delete(event.target)
      return step(state, event)
    },
    save: (save) => parts.store.save(save),
    perform: parts.perform,
    onBug: parts.onBug,
    onSaveFailed: (cause) => parts.onSaveFailed(reasonOf(cause)),
  })

  async function tick(): Promise<void> {
    // One that is queued already will see what this one would.
    await Promise.all([...loop.state.duties.keys()].map((target) => queued.get(target) ?? enqueue(target)))
  }

  function enqueue(target: string): Promise<null> {
    let dispatched = (_answer: Promise<null>): void => {}
    const ticked = new Promise<null>((resolve) => {
      dispatched = resolve
    })
    // Before it is dispatched, for that may take it at once.
    queued.set(target, ticked)
    dispatched(loop.dispatch({ type: 'tick', target, atMs: monotonicMs(), wallMs: wallMs(), nonce: randomId() }))
    return ticked
  }

  loop.watch(() => {
    if (running !== 'tick') tick().catch(parts.onBug)
  })
  return {
    get state() {
      return loop.state
    },
    dispatch: (event) => loop.dispatch(event),
    watch: (listener) => loop.watch(listener),
    tick,
  }
}
