import { build } from '../daemon/build.ts'
import { randomId } from '../daemon/clock.ts'
import type { Log } from '../daemon/log.ts'
import { createLoop } from '../daemon/loop.ts'
import { createRegistry, type Registry } from '../daemon/metrics.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { AgentLinks } from './adapters/agent-links.ts'
import { openStore } from './adapters/sqlite-store.ts'
import type { Loaded } from './adapters/store.ts'
import type { Boot } from './adapters/stored-rows.ts'
import type { Closers } from './closers.ts'
import type { CoordinatorConfig } from './config.ts'
import { begin } from './core/begin.ts'
import type { FleetState } from './core/state.ts'
import { step } from './core/step.ts'
import { createEventRing, type EventRing } from './event-ring.ts'
import { type FleetLoop, type Tell, teller } from './happening.ts'
import { addEventMetrics, addFleetMetrics } from './metrics/fleet.ts'
import { addHoldMetrics } from './metrics/holds.ts'
import { addHostMetrics, addTargetMetrics } from './metrics/hosts.ts'
import { addOrderMetrics, type OrderMeter } from './metrics/orders.ts'
import { addResourceMetrics } from './metrics/resources.ts'
import { addRolloutMetrics } from './metrics/rollouts.ts'
import { timedCommit } from './metrics/store.ts'
import { createNotes, noteKinds } from './notes.ts'
import { performer } from './perform.ts'
import { createRolloutRoom, type RolloutRoom } from './rollouts.ts'

/** What a daemon's rooms are given to work with. */
export interface House {
  readonly config: CoordinatorConfig
  readonly boot: Boot
  readonly log: Log
  readonly onBug: (cause: unknown) => void
  readonly closers: Closers
}

/** The core at work: its store, its loop, and what they tell. */
export interface Engine {
  readonly loop: FleetLoop
  readonly tell: Tell
  readonly read: () => FleetState
  readonly registry: Registry
  readonly events: EventRing
  readonly orders: OrderMeter
  readonly rollouts: RolloutRoom
  /** Set once the links are open; before that no effect has a link to go to. */
  readonly links: { now: AgentLinks | null }
}

/** Opens the store, which makes this start's claim durable, and begins the core from what it holds. */
export function openEngine({ config, boot, log, onBug, closers }: House): Engine {
  const store = openStore({ dir: config.stateDir, boot, instance: randomId() })
  closers.add(() => store.close())
  const registry = createRegistry()
  const events = createEventRing(store.loaded.claim.instance)
  const orders = addOrderMetrics(registry)
  const links: Engine['links'] = { now: null }
  const rollouts = createRolloutRoom({ log, history: store.history, prometheus: config.prometheus })
  const note = createNotes({ log, ring: events, count: addEventMetrics(registry, noteKinds) })
  const loop: FleetLoop = createLoop({
    state: stateOf(store.loaded, config, boot),
    step,
    save: timedCommit(registry, store.commit),
    perform: performer({ links: () => links.now, orders, note, rollouts }),
    onBug,
    onSaveFailed(cause) {
      if (!(cause instanceof GuardianError)) onBug(cause)
      log.error({ event: 'save-failed', cause }, 'not persisted')
    },
  })
  const read = (): FleetState => loop.state
  addFleetMetrics(registry, read)
  addHostMetrics(registry, read)
  addTargetMetrics(registry, read)
  addHoldMetrics(registry, read)
  addResourceMetrics(registry, read)
  addRolloutMetrics(registry, read)
  const tell = teller(loop)
  closers.add(rollouts.open(loop, tell))
  return { loop, tell, read, registry, events, orders, rollouts, links }
}

function stateOf(loaded: Loaded, { plan }: CoordinatorConfig, boot: Boot): FleetState {
  return begin({
    plan,
    build,
    bootId: boot.id,
    claim: loaded.claim,
    superseded: loaded.superseded,
    awaiting: [...loaded.awaiting],
    holds: [...loaded.holds.values()],
    released: loaded.released,
    owedUndrain: loaded.owedUndrain,
    rollouts: loaded.rollouts,
    atMs: boot.atMs,
  })
}
