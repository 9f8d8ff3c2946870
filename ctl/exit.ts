import type { HostProgress, ProgressState } from '../protocol/api.ts'
import { errors, GuardianError } from '../protocol/errors.ts'

/** The exit codes of `guardian`, as `--help` shows them. */
export const exitTexts = {
  0: 'done, on every selected host',
  1: 'internal error',
  2: 'wrong usage or configuration',
  3: 'some hosts failed, could not persist it, or only acknowledged (v1)',
  4: 'some hosts are unreachable',
  5: 'the deadline passed first',
  6: 'refused: not authorised, superseded, or held by others',
  9: 'coordinator unreachable or no longer watched: outcome unknown',
} as const
export type ExitCode = keyof typeof exitTexts

const exits = {
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
