import { drainProgress, undrainProgress } from '../../../coordinator/core/progress.ts'
import type { HostProgress } from '../../../protocol/api.ts'
import { GuardianError } from '../../../protocol/errors.ts'
import type { TargetReport } from '../../../protocol/v2/report.ts'
import { type Fleet, openFleet } from './scene.ts'
import { held, idOf, reportOf } from './shapes.ts'

export const h1 = idOf('h1')
export const units = ['app.service']

export function refused(work: () => unknown): unknown {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof GuardianError) return { code: cause.code, message: cause.message }
    throw cause
  }
}

export const draining = (fleet: Fleet, hold = h1) => drainProgress(fleet.state, hold, fleet.nowMs)
export const opening = (fleet: Fleet, more: { target?: string; selector?: string } = {}) =>
  undrainProgress(fleet.state, { selector: '*', ...more }, fleet.nowMs)
export const one = (hosts: readonly HostProgress[], name = 'a1') => {
  const { is, reason, units } = hosts.find(({ host }) => host === name) ?? {}
  return [is, reason, units]
}

/** Both hosts open, a1 ordered to drain by h1. */
export function ordered(): Fleet {
  const fleet = openFleet()
  fleet.drain('h1', { selector: 'a1' })
  return fleet
}

export const carried = (is: TargetReport['is'], more: Partial<TargetReport> = {}) => reportOf(is, [held(h1)], more)
