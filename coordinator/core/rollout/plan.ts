import { GuardianError } from '../../../protocol/errors.ts'
import type { PlanRequest } from '../../../protocol/rollout/api.ts'
import type { RolloutPolicy, Stage } from '../../../protocol/rollout/policy.ts'
import { parseSelector } from '../../../protocol/selector.ts'
import type { JobSource } from '../../../protocol/v2/job.ts'
import { type FleetStep, still } from '../change.ts'
import { refuseSuperseded } from '../drain.ts'
import type { FleetState, HostSpec } from '../state.ts'
import { Draft, type Moment } from './draft.ts'
import { jobIdOf } from './ids.ts'
import { isEnded } from './kinds.ts'
import { noFacts } from './scene.ts'
import type { HostRun, Rollout, StagePlan } from './state.ts'

export const notPersisted = new GuardianError(
  'not-persisted',
  'the store cannot be written, so nothing of the rollout has changed; free space in the state directory and try again',
)

/** Freezes what is to be done. Nothing changes on any host but that it fetches, or builds, what it would run. */
export function planAsked(state: FleetState, request: PlanRequest, moment: Moment): FleetStep {
  refuseSuperseded(state)
  const known = [...state.rollouts.all.values()].find((rollout) => rollout.request === request.id)
  if (known !== undefined) return still(state, [], { rollout: known.id })
  const policy = state.plan.rebuilds.policies.get(request.policy)
  if (policy === undefined)
    throw new GuardianError(
      'unknown-policy',
      `no policy named ${request.policy}; there is: ${[...state.plan.rebuilds.policies.keys()].join(', ')}`,
    )
  const { stages, placed } = placedIn(state, policy, chosen(state, request))
  const rollout = rolloutOf(state, request, policy, stages, moment)
  const runs = placed.map(({ spec, stage, source }) => runOf(rollout, spec.name, stage, source))
  const draft = new Draft(state, moment)
  discardRivals(draft, new Set(runs.map(({ host }) => host)), rollout.id)
  dropOldest(draft)
  draft.add(
    rollout,
    [...runs].sort((a, b) => a.stage - b.stage),
  )
  draft.event(rollout.id, 'rollout.planning', `${request.operator}: ${request.message}`, { to: 'planning' })
  return draft.finish({ rollout: rollout.id }, notPersisted)
}

interface Chosen {
  readonly spec: HostSpec
  readonly source: JobSource
}

/** Whom it is about: in closure mode whoever has a system and matches. */
function chosen(state: FleetState, request: PlanRequest): readonly Chosen[] {
  const { selector } = request
  const sources = sourcesOf(state, request)
  const strange = [...sources.keys()].find((host) => !state.plan.hosts.has(host))
  if (strange !== undefined)
    throw new GuardianError('unknown-host', `there is a system for ${strange}, and no host of this name`, {
      host: strange,
    })
  const matching = [...state.plan.hosts.values()].filter(parseSelector(selector))
  const found = matching.flatMap((spec): readonly Chosen[] => {
    const source = sources.get(spec.name)
    return source === undefined ? [] : [{ spec, source }]
  })
  if (found.length > 0) return found
  throw new GuardianError('nothing-selected', `no host with a system matches ${JSON.stringify(selector)}`, { selector })
}

function sourcesOf({ plan }: FleetState, { source }: PlanRequest): ReadonlyMap<string, JobSource> {
  const { mode } = source
  if (mode === 'closure')
    return new Map(Object.entries(source.systems).map(([host, system]) => [host, { mode, system }] as const))
  const { flake, revision } = source
  return new Map([...plan.hosts.keys()].map((host) => [host, { mode, flake, revision }] as const))
}

interface Course<Host> {
  readonly stages: readonly StagePlan[]
  readonly placed: readonly (Host & { readonly stage: number })[]
}

const selfStage = 'coordinator'

/** The first stage that matches has a host; the coordinator's own is taken out of it, alone, and goes last or first. */
export function placedIn<Host extends Pick<Chosen, 'spec'>>(
  state: FleetState,
  policy: RolloutPolicy,
  hosts: readonly Host[],
): Course<Host> {
  const matchers = policy.stages.map(({ select }) => parseSelector(select))
  const found = hosts.map((host) => {
    const { spec } = host
    const stage = matchers.findIndex((matches) => matches(spec))
    if (stage === -1)
      throw new GuardianError('bad-request', `${spec.name} is in no stage of the policy: add one with "select": "*"`, {
        host: spec.name,
      })
    return { ...host, stage }
  })
  const stages = policy.stages.map(stagePlan)
  const self = found.find(({ spec }) => spec.name === state.plan.rebuilds.self)
  const own = policy.stages[self?.stage ?? -1]
  if (self === undefined || own === undefined) return { stages, placed: found }
  const alone: StagePlan = { ...stagePlan(own), name: selfStage, maxParallel: 1, promote: 'auto' }
  const isFirst = policy.self === 'first'
  const placed = found.map((each) => {
    if (each === self) return { ...each, stage: isFirst ? 0 : stages.length }
    return isFirst ? { ...each, stage: each.stage + 1 } : each
  })
  return { stages: isFirst ? [alone, ...stages] : [...stages, alone], placed }
}

function stagePlan({ name, maxParallel, soak, promote, window }: Stage): StagePlan {
  return { name, maxParallel, soakMs: soak, promote, window: window ?? null }
}

function rolloutOf(
  state: FleetState,
  request: PlanRequest,
  policy: RolloutPolicy,
  stages: readonly StagePlan[],
  { atMs, wallMs }: Moment,
): Rollout {
  const { source } = request
  return {
    id: `r${state.rollouts.nextRollout}`,
    request: request.id,
    policyName: request.policy,
    policy,
    mode: source.mode,
    revision: source.revision ?? null,
    selector: request.selector,
    operator: request.operator,
    message: request.message,
    meta: request.meta,
    createdMs: wallMs,
    endedMs: null,
    stages,
    hooks: policy.hooks.map((hook) => ({
      name: hook.name,
      before: stageOf(stages, hook.before),
      now: 'pending',
      reason: '',
    })),
    plan: null,
    options: { maxParallel: null, skipStages: [], drain: true, allowReboot: false },
    now: { is: 'planning' },
    sinceMs: atMs,
    reason: '',
    stage: { at: 0, now: { is: 'waiting', on: 'gate' }, sinceMs: atMs, reason: '', wave: 0 },
    promotedTo: 0,
    forgiven: 0,
    irreversible: false,
  }
}

function stageOf(stages: readonly StagePlan[], before: string): number {
  const name = before.slice('stage:'.length)
  const at = stages.findIndex((stage) => stage.name === name)
  if (at !== -1) return at
  throw new GuardianError('bad-request', `a hook is to run before stage ${name}, and there is no such stage`)
}

function runOf(rollout: Rollout, host: string, stage: number, source: JobSource): HostRun {
  return {
    rollout: rollout.id,
    host,
    stage,
    attempt: 1,
    job: jobIdOf(rollout.request, host, 1),
    source,
    adopt: false,
    now: { is: 'pending' },
    sinceMs: rollout.sinceMs,
    reason: '',
    wave: null,
    slotMs: null,
    hold: null,
    holds: 0,
    facts: noFacts,
    activated: false,
    bootId: null,
    agents: null,
    back: false,
    again: false,
    released: false,
    failure: null,
  }
}

/** A host takes few jobs at once: a plan that nobody started gives way to the next one for any of its hosts. */
function discardRivals(draft: Draft, hosts: ReadonlySet<string>, next: string): void {
  for (const { id, now } of [...draft.state.rollouts.all.values()]) {
    if (now.is !== 'planning' && now.is !== 'planned') continue
    if (!draft.runs(id).some(({ host }) => hosts.has(host))) continue
    draft.turn(id, { is: 'discarded' }, `${next} is planned for the same hosts`, { endedMs: draft.moment.wallMs })
  }
}

const keptMax = 50

function dropOldest(draft: Draft): void {
  const ended = [...draft.state.rollouts.all.values()].filter(isEnded)
  for (const { id } of ended.slice(0, Math.max(0, ended.length - keptMax + 1))) draft.drop(id)
}
