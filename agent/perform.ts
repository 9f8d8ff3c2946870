import type { Log } from '../daemon/log.ts'
import type { Door } from './adapters/door.ts'
import type { Jobs } from './adapters/jobs.ts'
import type { LocalSocket } from './adapters/local-socket.ts'
import type { Units } from './adapters/units.ts'
import type { AgentEffect } from './core/effect.ts'
import type { AgentMetrics } from './metrics.ts'
import { logNote } from './notes.ts'
import type { Reporter } from './reporter.ts'

/** Everything that an agent acts with. */
export interface Hands {
  readonly door: Door
  readonly local: LocalSocket
  readonly units: Units
  /** null where this host takes no rebuilds. */
  readonly jobs: Jobs | null
  readonly reporter: Reporter
  readonly metrics: AgentMetrics
  readonly log: Log
  readonly nowMs: () => number
}

/** Does one thing that the core decided. Never waits: what comes of it is an event. */
export function perform(effect: AgentEffect, hands: Hands) {
  const { door, local, units, jobs, reporter, metrics, log } = hands
  switch (effect.type) {
    case 'send':
      return door.send(effect.link, effect.message)
    case 'send-v1':
      return door.sendV1(effect.link, effect.action, effect.ok, effect.text)
    case 'close':
      return door.close(effect.link, effect.code)
    case 'report':
      return reporter.request()
    case 'stop':
      return units.stop(effect.target, effect.round)
    case 'start':
      return units.start(effect.target)
    case 'tell-open':
      return local.tellOpen(effect.asker)
    case 'helper':
      return jobs?.startHelper(effect.job, effect.action, effect.round)
    case 'note':
      metrics.count(effect.note, hands.nowMs())
      return logNote(log, effect.note)
    default:
      return effect satisfies never
  }
}
