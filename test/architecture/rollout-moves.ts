import type { HostRun, Rollout, RolloutNow, RunNow, StageNow } from '../../coordinator/core/rollout/state.ts'
import type { FleetState, HostState } from '../../coordinator/core/state.ts'
import { step } from '../../coordinator/core/step.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { RolloutOrder } from '../../protocol/rollout/api.ts'
import { type JobReport, jobStates } from '../../protocol/v2/job.ts'
import { newSystem, oldSystem, policyOf, Site, well } from '../coordinator/core/rollout/site.ts'
import { held, reportOf } from '../coordinator/core/shapes.ts'

// Every state of a run beside everything that a host may say and a rollout may be, one step from each.

const bootId = 'b'.repeat(32)
const said = { operator: 'ada', message: '' }
const host = 'a1'

const steps = ['draining', 'asking', 'switching', 'judging', 'opening'] as const
const before: readonly RunNow[] = [
  ...(['pending', 'prefetching', 'ready', 'noop', 'skipped', 'waiting'] as const).map((is) => ({ is })),
  ...(['offline', 'unfit', 'job'] as const).map((by) => ({ is: 'blocked' as const, by })),
  ...(['window', 'leave'] as const).map((until) => ({ is: 'deferred' as const, until })),
]
const underway: readonly RunNow[] = [
  ...(['draining', 'drained', 'activating', 'rebooting', 'verifying', 'undraining'] as const).map((is) => ({ is })),
  ...(['serving', 'committing', 'interrupted'] as const).map((is) => ({ is })),
  ...steps.map((step) => ({ is: 'reverting' as const, step })),
]
const after: readonly RunNow[] = (['soaking', 'done', 'failed', 'lost', 'reverted', 'revert-failed'] as const).map(
  (is) => ({ is }),
)

const states = [...before, ...underway, ...after]
const long = 1_000_000_000

interface Twist {
  readonly policy?: Parameters<typeof policyOf>[0]
  readonly run?: Partial<HostRun>
  readonly rollout?: Partial<Rollout>
  readonly isDrained?: boolean
  readonly isReboot?: boolean
  /** It has not been well for long. */
  readonly isSick?: boolean
}

const plain: Twist = {}

const twists: readonly Twist[] = [
  plain,
  { isDrained: true },
  { isReboot: true, isDrained: true, policy: { reboot: { allow: 'always' } } },
  { isReboot: true, policy: { reboot: { allow: 'never' } } },
  { isSick: true },
  { run: { hold: null } },
  { run: { back: true } },
  { run: { again: true } },
  { policy: { drain: { onDeadline: 'force' } } },
  { policy: { onFailure: 'pause', offline: 'skip' } },
  { policy: { onFailure: 'rollback-all' } },
  { policy: { maxFailures: 9, gates: { before: [{ exec: ['x'] }] } } },
  { rollout: { promotedTo: 9 } },
]

const stages: readonly StageNow[] = [
  { is: 'waiting', on: 'gate' },
  { is: 'active' },
  { is: 'soaking' },
  { is: 'waiting', on: 'approval' },
]
const rollouts: readonly (readonly [now: RolloutNow, stage: StageNow])[] = [
  [{ is: 'planning' }, { is: 'waiting', on: 'gate' }],
  [{ is: 'planned' }, { is: 'waiting', on: 'gate' }],
  ...stages.map((stage) => [{ is: 'running' }, stage] as const),
  [{ is: 'paused', was: 'running', by: 'operator' }, { is: 'active' }],
  [{ is: 'aborting' }, { is: 'active' }],
  [{ is: 'rolling-back' }, { is: 'active' }],
  ...(['discarded', 'succeeded', 'failed', 'aborted', 'rolled-back', 'rollback-failed'] as const).map(
    (is) => [{ is }, { is: 'active' }] as const,
  ),
]

const verbs: readonly RolloutOrder[] = [
  { verb: 'discard', ...said },
  { verb: 'pause', ...said },
  { verb: 'resume', ...said },
  { verb: 'abort', now: false, ...said },
  { verb: 'abort', now: true, ...said },
  { verb: 'rollback', selector: '*', pastIrreversible: true, ...said },
  { verb: 'retry', host, ...said },
  { verb: 'skip', host, ...said },
]

const hash = 'f'.repeat(64)
const startWith = {
  ...{ plan: hash, operator: 'ada', message: '', skipStages: ['all'], skipOffline: true, drain: true },
  ...{ allowReboot: true, adopt: [host] },
}

type Word = Partial<JobReport> | 'nothing' | 'silent' | 'gone'

const words: readonly Word[] = [
  ...['nothing' as const, 'silent' as const, 'gone' as const],
  ...jobStates.map((is) => ({ is, current: newSystem, profile: newSystem, health: well })),
  ...(['active', 'reverted', 'baselined', 'rebooting'] as const).map((is) => ({ is, health: well })),
  { is: 'active', current: newSystem, health: { ...well, failed: ['x.service'] } },
  { is: 'active', bootId: '0'.repeat(32) },
  { is: 'prefetched', action: 'noop' },
]

const few: readonly JobReport['is'][] = ['prefetched', 'baselined', 'rebooting', 'active', 'committed', 'reverted']
const fewWords = words.filter((word) => typeof word !== 'object' || (word.is !== undefined && few.includes(word.is)))

export interface Moves {
  readonly runs: ReadonlySet<string>
  readonly rollouts: ReadonlySet<string>
}

/** Every way that is gone from any of these, as `from → to`. */
export function allMoves(): Moves {
  const runs = new Set<string>()
  const all = new Set<string>()
  const note = (state: FleetState, event: Parameters<typeof step>[1]): void => {
    for (const { from, to, type } of eventsOf(state, event)) {
      if (from === to || from === null) continue
      ;(type.startsWith('host.') ? runs : all).add(`${from} → ${to}`)
    }
  }
  for (const twist of twists) {
    const site = new Site({ hosts: ['a1'], policy: policyOf(twist.policy) }).plan()
    const at = { atMs: site.fleet.nowMs, wallMs: 0 }
    for (const [is, stage] of rollouts.filter(([now]) => twist === plain || isMoving(now))) {
      for (const now of states.filter((each) => isPossible(each, is))) {
        const place = { twist, now, is, stage }
        for (const word of !isMoving(is) ? [] : twist === plain ? words : fewWords)
          for (const afterMs of [0, long]) note(stateOf(site, { ...place, word, afterMs }), { type: 'advance', ...at })
        const state = stateOf(site, { ...place, word: { is: 'activating' }, afterMs: 0 })
        for (const order of verbs) note(state, { type: 'rollout-ordered', rollout: 'r1', order, ...at })
        note(state, { type: 'rollout-start-asked', rollout: 'r1', hash, request: startWith, ...at })
      }
    }
  }
  return { runs, rollouts: all }
}

/** By itself. */
function isMoving({ is }: RolloutNow): boolean {
  return is === 'planning' || is === 'planned' || is === 'running' || is === 'aborting' || is === 'rolling-back'
}

/** No host has begun before its rollout has. */
function isPossible(now: RunNow, { is }: RolloutNow): boolean {
  if (is === 'planning' || is === 'planned')
    return before.includes(now) && now.is !== 'waiting' && now.is !== 'deferred'
  return is === 'running' || is === 'paused' || !before.includes(now) || now.is === 'skipped'
}

interface Place {
  readonly twist: Twist
  readonly now: RunNow
  readonly is: RolloutNow
  readonly stage: StageNow
  readonly word: Word
  readonly afterMs: number
}

function stateOf(site: Site, { twist, now, is, stage, word, afterMs }: Place): FleetState {
  const { state, nowMs } = site.fleet
  const isBefore = before.includes(now)
  const run: HostRun = {
    ...site.run(host),
    now,
    sinceMs: nowMs - afterMs,
    hold: isBefore || after.includes(now) ? null : 'h',
    wave: 1,
    slotMs: isBefore ? null : nowMs,
    activated: !isBefore && now.is !== 'draining' && now.is !== 'drained',
    bootId: ['verifying', 'undraining', 'serving', 'committing'].includes(now.is) ? bootId : null,
    facts: {
      ...site.run(host).facts,
      action: twist.isReboot === true || now.is === 'rebooting' || now.is === 'deferred' ? 'reboot' : 'live',
    },
    failure: ['failed', 'lost', 'interrupted'].includes(now.is) ? { step: 'activating', reason: '' } : null,
    ...twist.run,
  }
  const rollout: Rollout = {
    ...site.rollout,
    now: is,
    stage: { at: 0, now: stage, sinceMs: nowMs - afterMs, reason: '', wave: 1 },
    ...twist.rollout,
  }
  const hold = site.fleet.state.holds
  const fleetHold = { id: 'h', targets: ['db'], selector: host, except: new Set<string>(), members: new Set([host]) }
  const rest = { owner: 'rollout:r1' as const, message: '', sinceMs: 0, end: null, orphan: false, persisted: true }
  const holds = run.hold === null ? hold : new Map([['h', { ...fleetHold, ...rest, rushAtMs: null }]])
  const kept = { all: new Map([['r1', rollout]]), runs: new Map([['r1', new Map([[host, run]])]]) }
  const told = new Map([['check {"exec":["x"]}', { ok: true, reason: '', atMs: nowMs }]])
  const streaks = new Map(twist.isSick === true ? [[run.job, { ok: false, sinceMs: nowMs - 1_000_000 }]] : [])
  const known = { ...state, holds, rollouts: { ...state.rollouts, ...kept, conditions: told, streaks } }
  if (word === 'gone') return { ...known, plan: { ...state.plan, hosts: new Map() }, hosts: state.hosts.without(host) }
  const own = state.hosts.get(host)
  if (own === undefined) throw new Error('no host')
  const isShut = twist.isDrained === true && run.hold !== null
  return { ...known, hosts: state.hosts.with(host, hostOf(own, run, word, isShut, nowMs)) }
}

function hostOf(own: HostState, run: HostRun, word: Exclude<Word, 'gone'>, isShut: boolean, nowMs: number): HostState {
  const report = isShut ? reportOf('drained', [held('h', 'rollout:r1')]) : reportOf('open')
  const [seat] = own.seats.values()
  if (seat === undefined) throw new Error('no seat')
  const seats = new Map([['db', { ...seat, report }]])
  if (word === 'silent') {
    const link = { is: 'down' as const, sinceMs: nowMs - long, reason: '' }
    return { ...own, seats, link }
  }
  if (word === 'nothing') return { ...own, seats, jobs: [] }
  const [job] = own.jobs ?? []
  if (job === undefined) throw new Error('no job')
  const baselineBootId = before.includes(run.now) && word.is !== 'activating' ? null : bootId
  const told = { ...job, job: run.job, current: oldSystem, profile: oldSystem, bootId, baselineBootId, ...word }
  return { ...own, seats, jobs: [told] }
}

function eventsOf(state: FleetState, event: Parameters<typeof step>[1]) {
  try {
    return step(state, event).save?.rollouts?.events ?? []
  } catch (cause) {
    if (cause instanceof GuardianError) return []
    throw cause
  }
}
