import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, FastifyTypeProvider } from 'fastify'
import type * as v from 'valibot'
import type { Registry } from '../../daemon/metrics.ts'
import type { HostDial } from '../config.ts'
import type { FleetState } from '../core/state.ts'
import type { EventRing } from '../event-ring.ts'
import type { Tell } from '../happening.ts'
import type { RolloutRoom } from '../rollouts.ts'

/** Lets a route's handler see what its valibot decoders make of a request. */
export interface ValibotProvider extends FastifyTypeProvider {
  validator: this['schema'] extends v.GenericSchema ? v.InferOutput<this['schema']> : unknown
}

export type Api = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, ValibotProvider>

/** What the routes stand on. */
export interface ApiParts {
  readonly read: () => FleetState
  readonly tell: Tell
  readonly watch: (listener: () => void) => () => void
  readonly measure: (host: string, limitMs: number) => Promise<number | null>
  readonly dials: () => ReadonlyMap<string, HostDial>
  readonly events: EventRing
  readonly registry: Registry
  readonly rollouts: Pick<RolloutRoom, 'history' | 'changes' | 'hashOf'>
  /** An error that no door may tell. */
  readonly onBug: (cause: unknown) => void
}

/** Who may call a route: anybody who reaches the door, a reader, a machine that asks before it reboots, or an operator. */
export type May = 'anyone' | TokenMay
export type TokenMay = 'read' | 'lock' | 'operate'

declare module 'fastify' {
  interface FastifyContextConfig {
    may?: May
  }
}
