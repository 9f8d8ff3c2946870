import { monotonicMs } from '../daemon/clock.ts'
import type { Log } from '../daemon/log.ts'
import type { RolloutEvent } from '../protocol/rollout/api.ts'
import type { JobCommand, JobLog } from '../protocol/v2/job.ts'
import { createConditions } from './adapters/conditions.ts'
import { createHooks } from './adapters/hooks.ts'
import { createOutcomes } from './adapters/outcomes.ts'
import type { RolloutHistory } from './adapters/store.ts'
import { createAdvance } from './advancing.ts'
import { type Changes, createChanges } from './changes.ts'
import type { FleetEffect, JobOrder } from './core/effect.ts'
import { wantedConditions } from './core/rollout/conditions.ts'
import { rolloutStatus } from './core/rollout/status.ts'
import type { FleetLoop, Tell } from './happening.ts'
import { createJobLogs } from './job-logs.ts'
import { createPlanHash, type HashOf } from './plan-hash.ts'

export type RolloutEffect = Extract<FleetEffect, { type: 'run-hook' | 'tell-outcome' | 'rollout-event' }>

/** What carries out rollouts beside the links to hosts: conditions, hooks, outcomes, logs, and who follows them. */
export interface RolloutRoom {
  readonly history: RolloutHistory
  /** Wakes whoever follows the events or logs of a rollout. */
  readonly changes: Changes
  readonly hashOf: HashOf
  perform(effect: RolloutEffect): void
  /** With the last lines of its log that are here. */
  commandOf(order: JobOrder): JobCommand
  /** Lines of a job of this host; those of no job that is known are dropped. */
  takeLog(host: string, log: JobLog): void
  /** Begins to advance; what it returns ends it and all that runs. */
  open(loop: FleetLoop, tell: Tell): () => void
  /** Something may be due though nothing changed. */
  due(): void
  configure(prometheus: string | null): void
}

interface RolloutParts {
  readonly log: Log
  readonly history: RolloutHistory
  readonly prometheus: string | null
}

export function createRolloutRoom({ log, history, ...options }: RolloutParts): RolloutRoom {
  let { prometheus } = options
  let core: { readonly loop: FleetLoop; readonly tell: Tell } | null = null
  let advance: { due(): void; stop(): void } | null = null
  const tell: Tell = (happening) => core?.tell(happening) ?? Promise.resolve(null)
  const changes = createChanges()
  const hashOf = createPlanHash()
  const conditions = createConditions({
    prometheus: () => prometheus,
    told: (key, ok, reason) => void tell({ type: 'condition-told', key, ok, reason }),
  })
  const hooks = createHooks({
    log,
    ended: ({ rollout, hook }, ok, reason) => void tell({ type: 'hook-ended', rollout, hook, ok, reason }),
  })
  const outcomes = createOutcomes({ log })
  const isKept = (id: string): boolean => core?.loop.state.rollouts.all.has(id) === true
  const logs = createJobLogs({ log, history, changes, isKept })

  function tellOutcome(id: string): void {
    const state = core?.loop.state
    const to = state?.rollouts.all.get(id)?.policy.onOutcome
    if (state === undefined || to === undefined) return
    void outcomes.tell(rolloutStatus(state, id, monotonicMs(), hashOf(state, id)), to)
  }

  return {
    history,
    changes,
    hashOf,
    perform(effect) {
      switch (effect.type) {
        case 'run-hook':
          hooks.run(effect)
          break
        case 'tell-outcome':
          tellOutcome(effect.rollout)
          break
        case 'rollout-event':
          noteEvent(log, effect.event)
          changes.wake(effect.event.rollout)
          break
        default:
          effect satisfies never
      }
    },
    commandOf: (order) => logs.commandOf(order),
    takeLog(host, said) {
      if (core !== null) logs.take(core.loop.state, host, said)
    },
    open(loop, toCore) {
      core = { loop, tell: toCore }
      advance = createAdvance({ loop, tell, moved: () => conditions.want(wantedConditions(loop.state)) })
      return () => {
        advance?.stop()
        conditions.close()
        hooks.close()
        outcomes.close()
        logs.close()
      }
    },
    due: () => advance?.due(),
    configure(next) {
      prometheus = next
    },
  }
}

function noteEvent(log: Log, { rollout, host, type, reason, seq }: RolloutEvent): void {
  const about = host === null ? {} : { host }
  log.info({ event: 'rollout', rollout, ...about, what: type, reason, seq }, 'rollout')
}
