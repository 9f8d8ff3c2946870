import { GuardianError } from '../../../protocol/errors.ts'
import type { StartRequest } from '../../../protocol/rollout/api.ts'
import { type FleetStep, still } from '../change.ts'
import { refuseSuperseded } from '../drain.ts'
import type { FleetState } from '../state.ts'
import { Draft, type Moment } from './draft.ts'
import { isStarted, runsOf } from './kinds.ts'
import { notPersisted } from './plan.ts'
import { anew } from './run-trouble.ts'
import type { HostRun, Rollout } from './state.ts'

/** @throws GuardianError `not-found` */
export function rolloutNamed(state: FleetState, id: string): Rollout {
  const found = state.rollouts.all.get(id)
  if (found !== undefined) return found
  throw new GuardianError('unknown-rollout', `no rollout ${id}; see "guardian ctl rollout history"`)
}

/** What is started is what was seen: the plan has the same hash still, and nothing stands in its way. */
export function startAsked(
  state: FleetState,
  { id, hash, request }: { readonly id: string; readonly hash: string | null; readonly request: StartRequest },
  moment: Moment,
): FleetStep {
  refuseSuperseded(state)
  const rollout = rolloutNamed(state, id)
  if (rollout.plan === request.plan) return still(state, [], { rollout: id })
  refuseUnplanned(rollout, hash, request.plan)
  const runs = [...runsOf(state, id).values()]
  const choice = choiceOf(rollout, runs, request)
  refuseBlocked(id, choice.blocked)
  refuseRivals(
    state,
    rollout,
    runs.filter((run) => !choice.skipped.includes(run)),
  )
  const { maxParallel = null, skipStages, drain, allowReboot, operator, message } = request
  const draft = new Draft(state, moment)
  for (const run of choice.skipped) draft.move(run, { to: { is: 'skipped' }, reason: 'left out when it was started' })
  for (const run of choice.adopted)
    draft.move(run, {
      to: { is: 'pending' },
      reason: 'its system is replaced as asked',
      more: { ...anew(rollout, run), adopt: true },
    })
  draft.turn(id, { is: 'running' }, [operator, message].filter(Boolean).join(': '), {
    plan: request.plan,
    options: { maxParallel, skipStages, drain, allowReboot },
    stage: { ...rollout.stage, sinceMs: moment.atMs },
    message: message === '' ? rollout.message : message,
  })
  draft.event(id, 'rollout.started', operator)
  return draft.finish({ rollout: id }, notPersisted)
}

function refuseUnplanned({ id, now }: Rollout, hash: string | null, asked: string): void {
  if (now.is === 'planning')
    throw new GuardianError('conflict', `${id} is still being planned: wait until every host has said what it would do`)
  if (now.is !== 'planned') throw new GuardianError('conflict', `${id} is ${now.is} already: make another plan`)
  if (hash !== asked)
    throw new GuardianError(
      'conflict',
      `${id} would not do any more what was shown: look at the plan again, and start that`,
    )
}

interface Choice {
  readonly skipped: readonly HostRun[]
  readonly adopted: readonly HostRun[]
  readonly blocked: readonly HostRun[]
}

function choiceOf(rollout: Rollout, runs: readonly HostRun[], request: StartRequest): Choice {
  const strange = request.skipStages.find((name) => !rollout.stages.some((stage) => stage.name === name))
  if (strange !== undefined) throw new GuardianError('bad-request', `${rollout.id} has no stage ${strange}`)
  const isSkipped = (run: HostRun) => {
    const stage = rollout.stages[run.stage]
    if (stage !== undefined && request.skipStages.includes(stage.name)) return run.now.is !== 'skipped'
    return request.skipOffline && run.now.is === 'blocked' && run.now.by === 'offline'
  }
  const skipped = runs.filter(isSkipped)
  const rest = runs.filter((run) => !skipped.includes(run) && run.now.is === 'blocked')
  const isAdopted = ({ host, now }: HostRun) => request.adopt.includes(host) && now.is === 'blocked' && now.by === 'job'
  return { skipped, adopted: rest.filter(isAdopted), blocked: rest.filter((run) => !isAdopted(run)) }
}

function refuseBlocked(id: string, blocked: readonly HostRun[]): void {
  if (blocked.length === 0) return
  const names = blocked.map(({ host, reason }) => `${host}: ${reason}`).join('; ')
  throw new GuardianError('blocked', `${id} is blocked before any change by ${names}`.slice(0, 500))
}

/** A host is in one rollout at a time. */
export function refuseRivals(state: FleetState, { id }: Rollout, runs: readonly HostRun[]): void {
  for (const other of state.rollouts.all.values()) {
    if (other.id === id || !isStarted(other)) continue
    const shared = runs.find(({ host }) => runsOf(state, other.id).has(host))
    if (shared !== undefined)
      throw new GuardianError(
        'conflict',
        `${shared.host} is in ${other.id}, which is ${other.now.is}: wait for its end, or abort it`,
        { host: shared.host },
      )
  }
}
