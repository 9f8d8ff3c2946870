import { GuardianError } from '../../../protocol/errors.ts'
import { asMessage } from '../../../protocol/names.ts'
import type { RolloutExplanation } from '../../../protocol/rollout/api.ts'
import type { FleetState } from '../state.ts'
import { holding } from '../undrain.ts'
import { targetsOf } from '../wanted.ts'
import { isEnded, isStarted, runsOf } from './kinds.ts'
import type { HostRun, Rollout } from './state.ts'
import { runStatus } from './status.ts'

type Because = RolloutExplanation['because']

const ctl = 'guardian ctl rollout'

/**
 * Why a host has not been rebuilt yet, or is not in service. The events are the store's to add.
 * @throws GuardianError `unknown-host`
 */
export function explain(state: FleetState, host: string, atMs: number): Omit<RolloutExplanation, 'events'> {
  if (!state.plan.hosts.has(host))
    throw new GuardianError('unknown-host', `no host named ${host}; see "guardian ctl hosts"`, { host })
  const found = rolloutOf(state, host)
  const held = heldBecause(state, host, atMs)
  if (found === null) return { host, rollout: null, is: null, because: held }
  const { rollout, run } = found
  const because = [...runBecause(state, rollout, run, atMs), ...rolloutBecause(rollout, run), ...held]
  const short = because.map(({ what, free }) => ({ what: asMessage(what), free: asMessage(free) }))
  return { host, rollout: rollout.id, is: run.now.is, because: short }
}

/** The one that has it now, else the last one. */
function rolloutOf(state: FleetState, host: string): { readonly rollout: Rollout; readonly run: HostRun } | null {
  const all = [...state.rollouts.all.values()].reverse().flatMap((rollout) => {
    const run = runsOf(state, rollout.id).get(host)
    return run === undefined ? [] : [{ rollout, run }]
  })
  return all.find(({ rollout }) => isStarted(rollout)) ?? all[0] ?? null
}

function heldBecause(state: FleetState, host: string, atMs: number): Because {
  const holds = targetsOf(state, host).flatMap((target) => holding(state, host, target, atMs))
  const byId = new Map(holds.map((hold) => [hold.id, hold]))
  return [...byId.values()].map(({ id, owner, message }) => ({
    what: `drained by ${owner}${message === '' ? '' : `: ${message}`}`,
    free: `guardian ctl undrain --hold ${id}`,
  }))
}

function runBecause(state: FleetState, rollout: Rollout, run: HostRun, atMs: number): Because {
  const { id } = rollout
  const { reason } = runStatus(state, rollout, run, atMs)
  const what = `${run.now.is}${reason === '' ? '' : `: ${reason}`}`
  switch (run.now.is) {
    case 'noop':
    case 'done':
    case 'soaking':
      return []
    case 'blocked':
    case 'skipped':
    case 'reverted':
    case 'deferred':
      return [{ what, free: isEnded(rollout) ? `${ctl} plan` : `${ctl} retry ${id} ${run.host}` }]
    case 'failed':
    case 'revert-failed':
      return [
        { what, free: isEnded(rollout) ? `${ctl} rollback ${id} --on ${run.host}` : `${ctl} retry ${id} ${run.host}` },
      ]
    case 'lost':
      return [{ what, free: `${ctl} release ${id} ${run.host} -m REASON` }]
    case 'pending':
    case 'prefetching':
    case 'ready':
    case 'waiting':
      return [{ what, free: `${ctl} skip ${id} ${run.host} -m REASON` }]
    case 'draining':
    case 'drained':
    case 'activating':
    case 'rebooting':
    case 'verifying':
    case 'undraining':
    case 'serving':
    case 'committing':
    case 'interrupted':
    case 'reverting':
      return [{ what, free: `${ctl} logs ${id} ${run.host} -f` }]
    default:
      return run.now satisfies never
  }
}

/** What holds up every host that has not begun. */
function rolloutBecause({ id, now, reason, stage, stages }: Rollout, run: HostRun): Because {
  const isBefore = run.now.is === 'ready' || run.now.is === 'waiting'
  if (!isBefore) return []
  if (now.is === 'planned') return [{ what: `${id} has not been started`, free: `${ctl} start ${id}` }]
  if (now.is === 'paused') return [{ what: `${id} is paused: ${reason}`, free: `${ctl} resume ${id}` }]
  if (now.is !== 'running' || stage.now.is === 'active') return []
  const [name] = stages.slice(stage.at).map((each) => each.name)
  const is = stage.now.is === 'waiting' ? `waits for ${stage.now.on}` : 'soaks'
  const isPromotable = stage.now.is === 'soaking' || stage.now.on === 'approval'
  const free = isPromotable ? `${ctl} promote ${id}` : `${ctl} status ${id}`
  return [{ what: `stage ${name} ${is}${stage.reason === '' ? '' : `: ${stage.reason}`}`, free }]
}
