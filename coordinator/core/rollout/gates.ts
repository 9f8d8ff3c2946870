import type { GateCheck } from '../../../protocol/rollout/policy.ts'
import type { FleetState } from '../state.ts'
import { conditionOf } from './health.ts'
import { windowKey } from './reboot.ts'
import type { Rollout } from './state.ts'

// What has to be so before a wave begins. Whatever cannot be told is closed.

export interface Check {
  readonly key: string
  readonly text: string
  readonly check: GateCheck
}

/** Before anything the ones, between two waves the others. */
export function checksOf({ policy, stage }: Rollout): readonly Check[] {
  const isFirst = stage.now.is === 'active' ? stage.wave === 1 : stage.wave === 0
  const checks = isFirst ? policy.gates.before : policy.gates.between
  return checks.map((check) => ({ key: `check ${JSON.stringify(check)}`, text: textOf(check), check }))
}

function textOf(check: GateCheck): string {
  if ('promql' in check) return check.promql
  return 'http' in check ? check.http : check.exec.join(' ')
}

export interface Closed {
  readonly on: 'gate' | 'window'
  readonly reason: string
}

export function closedBy(state: FleetState, rollout: Rollout, atMs: number): Closed | null {
  const [window = null] = rollout.stages.slice(rollout.stage.at).map((stage) => stage.window)
  if (window !== null) {
    const open = conditionOf(state, windowKey(window), atMs)
    if (open?.ok !== true) return { on: 'window', reason: `${window} is not now` }
  }
  for (const { key, text } of checksOf(rollout)) {
    const found = conditionOf(state, key, atMs)
    if (found === null) return { on: 'gate', reason: `${text}: being looked at` }
    if (!found.ok) return { on: 'gate', reason: `${text}: ${found.reason}` }
  }
  return null
}
