import type { GateCheck, HealthProbe } from '../../../protocol/rollout/policy.ts'
import type { FleetState } from '../state.ts'
import { checksOf } from './gates.ts'
import { isFromCoordinator, probeKey } from './health.ts'
import { actionOf, isEnded, runsOf } from './kinds.ts'
import { windowKey } from './reboot.ts'
import type { HostRun, Rollout } from './state.ts'

/** What rollouts want to know of the world; looked at again and again while it is wanted, and told by its key. */
export type Condition =
  | { readonly key: string; readonly kind: 'check'; readonly check: GateCheck }
  /** "Sun 02:00/3h Europe/Berlin": good while it is open. */
  | { readonly key: string; readonly kind: 'window'; readonly window: string }
  /** A probe from the coordinator: `{host}` in a text of it is this host. */
  | { readonly key: string; readonly kind: 'probe'; readonly host: string; readonly probe: HealthProbe }

/** Empty while no rollout waits for anything. One that is new is to be looked at at once. */
export function wantedConditions(state: FleetState): readonly Condition[] {
  const wanted = new Map<string, Condition>()
  if (state.superseded !== null) return []
  for (const rollout of state.rollouts.all.values()) {
    if (isEnded(rollout)) continue
    const runs = [...runsOf(state, rollout.id).values()]
    const found = [...probes(rollout, runs), ...(rollout.now.is === 'running' ? openers(rollout, runs) : [])]
    for (const condition of found) wanted.set(condition.key, condition)
  }
  return [...wanted.values()]
}

// What is looked at all along is not looked at anew in between.
const inService: readonly HostRun['now']['is'][] = ['serving', 'committing', 'soaking']

function probes({ policy }: Rollout, runs: readonly HostRun[]): readonly Condition[] {
  const all = Object.values(policy.health.probes).filter(isFromCoordinator)
  if (all.length === 0) return []
  return runs.flatMap(({ host, now }) => {
    const when = now.is === 'verifying' ? 'drained' : inService.includes(now.is) ? 'serving' : null
    const due = all.filter((probe) => probe.when === when)
    return due.map((probe): Condition => ({ key: probeKey(host, probe), kind: 'probe', host, probe }))
  })
}

/** Looked at only while a wave is to begin or has hosts that wait: a verdict of an earlier one says nothing. */
function openers(rollout: Rollout, runs: readonly HostRun[]): readonly Condition[] {
  const { stage, stages, policy } = rollout
  const plan = stages[stage.at]
  const isBefore = stage.now.is === 'waiting' && stage.now.on !== 'approval'
  const isDue = isBefore || runs.some(({ now }) => now.is === 'waiting')
  const checks = isDue ? checksOf(rollout).map(({ key, check }): Condition => ({ key, kind: 'check', check })) : []
  const windows = [
    ...(isDue && plan?.window != null ? [plan.window] : []),
    ...(policy.reboot.allow === 'window' && policy.reboot.window !== undefined && needsReboot(rollout, runs)
      ? [policy.reboot.window]
      : []),
  ]
  return [...checks, ...windows.map((window): Condition => ({ key: windowKey(window), kind: 'window', window }))]
}

function needsReboot(rollout: Rollout, runs: readonly HostRun[]): boolean {
  return runs.some((run) => {
    const { is } = run.now
    return (is === 'ready' || is === 'waiting' || is === 'deferred') && actionOf(rollout, run) === 'reboot'
  })
}
