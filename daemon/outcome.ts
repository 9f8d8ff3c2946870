import type { HostProgress, ProgressState } from '../protocol/api.ts'
import { errors, GuardianError } from '../protocol/errors.ts'

export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 9

const exits = {
  refused: 6,
  failed: 3,
  'not-persisted': 3,
  held: 6,
  unreachable: 4,
  deadline: 5,
  moving: 5,
  waiting: 5,
  acknowledged: 3,
  done: 0,
} as const satisfies Record<ProgressState, ExitCode>

// The first that any host is in decides: what needs a person most stands first.
const order = [
  'refused',
  'failed',
  'not-persisted',
  'held',
  'unreachable',
  'deadline',
  'moving',
  'waiting',
  'acknowledged',
] as const

export interface ExitFacts {
  readonly hosts: readonly Pick<HostProgress, 'is'>[]
  readonly trustV1: boolean
  readonly persisted: boolean
  readonly superseded: boolean
}

export function exitOf({ hosts, trustV1, persisted, superseded }: ExitFacts): ExitCode {
  if (superseded) return 6
  const worst = order.find((state) => hosts.some(({ is }) => is === state && !(trustV1 && is === 'acknowledged')))
  if (worst === undefined || worst === 'acknowledged') return persisted && worst === undefined ? 0 : 3
  return exits[worst]
}

export function exitOfCause(cause: unknown): ExitCode {
  return cause instanceof GuardianError ? errors[cause.code].exit : 1
}

export function isUnsettled({ is }: Pick<HostProgress, 'is'>): boolean {
  return is === 'moving' || is === 'waiting'
}
