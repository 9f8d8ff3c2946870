import type { RolloutHistory, StateStore } from '../../../coordinator/adapters/store.ts'
import { createAdvance } from '../../../coordinator/advancing.ts'
import { createChanges } from '../../../coordinator/changes.ts'
import { begin } from '../../../coordinator/core/begin.ts'
import type { FleetEvent } from '../../../coordinator/core/event.ts'
import type { FleetPlan, FleetState } from '../../../coordinator/core/state.ts'
import { step } from '../../../coordinator/core/step.ts'
import { place } from '../../../coordinator/core/waves.ts'
import { createEventRing } from '../../../coordinator/event-ring.ts'
import { type FleetLoop, teller } from '../../../coordinator/happening.ts'
import type { ApiParts } from '../../../coordinator/http/api.ts'
import { createPlanHash } from '../../../coordinator/plan-hash.ts'
import { createLoop } from '../../../daemon/loop.ts'
import { Registry } from '../../../daemon/metrics.ts'

export const instance = 'a'.repeat(32)

export function aPlan(hosts: readonly string[] = ['web1', 'web2', 'db1']): FleetPlan {
  const target = { name: 'io-databases', needs: [], waves: [], drainLimitMs: 90_000, undrainLimitMs: 90_000 }
  const specs = hosts.map((name, at) => {
    const tags = name.startsWith('web') ? ['web'] : []
    return [name, { name, address: `198.18.0.${at + 1}`, tags, protocol: 'v2', targets: [target.name] }] as const
  })
  return {
    hosts: new Map(specs),
    targets: new Map([[target.name, target]]),
    resources: new Map([['postgresql', { name: 'postgresql', gate: { limitMs: 90_000 }, probed: true, units: [] }]]),
    unreachableGraceMs: 20_000,
    resendMs: 1_000,
    rebuilds: { policies: new Map(), budgets: new Map(), self: null },
  }
}

export interface Fleet {
  readonly parts: ApiParts
  readonly loop: FleetLoop
  readonly bugs: unknown[]
  tell(event: FleetEvent): Promise<unknown>
}

const nothingKept: RolloutHistory = {
  events: () => [],
  eventsOfHost: () => [],
  lines: () => [],
  lastCursor: () => null,
  keepLines: () => 0,
  together: (work) => work(),
}

interface Change {
  readonly plan?: FleetPlan
  readonly state?: Partial<FleetState>
  /** Where what is saved goes; nowhere without one. */
  readonly store?: StateStore
}

/** A real core without links. */
export function aFleet(change: Change = {}): Fleet {
  const { plan = aPlan() } = change
  const claim = { epoch: 3, instance, revision: 7 }
  const facts = { plan, build: 'guardian 0.1.0', bootId: 'b'.repeat(32), claim, superseded: null, atMs: 0 }
  const state = begin({ ...facts, awaiting: [], holds: [], released: [], owedUndrain: [] })
  const bugs: unknown[] = []
  const changes = createChanges()
  const onBug = (cause: unknown): void => void bugs.push(cause)
  const loop: FleetLoop = createLoop({
    state: { ...state, placement: place(plan), ...change.state },
    step,
    save: (save) => change.store?.commit(save),
    perform: (effect) => {
      if (effect.type === 'rollout-event') changes.wake(effect.event.rollout)
    },
    onBug,
  })
  createAdvance({ loop, tell: teller(loop), moved: () => {} })
  const parts: ApiParts = {
    read: () => loop.state,
    tell: teller(loop),
    watch: loop.watch,
    measure: async (host) => (host === 'web1' ? 1.25 : null),
    dials: () => new Map([...plan.hosts.keys()].map((host) => [host, dialOf(host)])),
    events: createEventRing(instance),
    registry: new Registry(),
    rollouts: { history: change.store?.history ?? nothingKept, changes, hashOf: createPlanHash() },
    onBug,
  }
  return { parts, loop, bugs, tell: (event) => loop.dispatch(event) }
}

function dialOf(host: string) {
  const protocol = host === 'old1' ? 'v1' : 'v2'
  return { host, address: host === 'db1' ? '2001:db8::1' : '198.18.0.1', port: 9876, protocol, keyName: host } as const
}
