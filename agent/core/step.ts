import type { Claim } from '../../protocol/authority.ts'
import { limits } from '../../protocol/limits.ts'
import type { Next } from '../../protocol/step.ts'
import type { Command } from '../../protocol/v2.ts'
import { advanced, earlierRuns, mayHold, mayRelease, standing } from './authority.ts'
import { dutyState, holdsOf, isHeld, isOpened, isQuiet, stillRunning } from './duty.ts'
import type { AgentEffect } from './effect.ts'
import type { AgentEvent } from './event.ts'
import { jobHappened } from './job-events.ts'
import { accept, type Greeting, greet, greetV1, keep, leave, noteClaim, outrank, refuse } from './links.ts'
import type { Move } from './move.ts'
import { dropHolds, note, takeHolds } from './orders.ts'
import { type AgentStep, answered, greeting, still } from './plain-steps.ts'
import { reportOf } from './report.ts'
import { advance } from './rules.ts'
import { countSelfDrain } from './self-drain.ts'
import type { AgentState, Duty, ProbeState, TargetView, Waiter } from './state.ts'

type Happened<Type extends AgentEvent['type']> = Extract<AgentEvent, { type: Type }>

/** The whole policy of one agent: what an event changes, what must be on disk first, what is done. */
export function step(state: AgentState, event: AgentEvent): AgentStep {
  switch (event.type) {
    case 'greeted':
      return greeting(greet(state, event.link, event.hello, event.atMs))
    case 'greeted-v1':
      return still(greetV1(state, event.link))
    case 'link-closed':
      return still(leave(state, event.link))
    case 'commanded':
      return commanded(state, event)
    case 'commanded-v1':
      return commandedV1(state, event)
    case 'pinged':
      return pinged(state, event)
    case 'status-asked':
      return still(state, [{ type: 'send', link: event.link, message: reportOf(state) }])
    case 'viewed':
      return viewed(state, event.target, event.view)
    case 'probed':
      return probed(state, event)
    case 'job-ordered':
    case 'job-seen':
    case 'job-probed':
      return jobHappened(state, event)
    case 'opening-asked':
      return asked(state, { asker: event.asker, target: event.target })
    case 'asker-gone':
      return still({ ...state, askers: state.askers.filter(({ asker }) => asker !== event.asker) })
    case 'tick':
      return ticked(state, event)
    default:
      return event satisfies never
  }
}

function commanded(state: AgentState, { link, command, atMs }: Happened<'commanded'>): AgentStep {
  const role = state.links.get(link)?.role
  if (role !== command.authority.kind)
    return greeting(refuse(state, link, 'bad-message', 'an order before or beside the greeting'))
  const duty = state.duties.get(command.target)
  const { authority } = command
  const isAllowed = command.action === 'undrain' || command.holds.every((hold) => mayHold(authority, hold))
  if (!isAllowed) return greeting(refuse(state, link, 'bad-message', 'these holds are not this peer’s to give'))
  if (authority.kind !== 'coordinator')
    return duty === undefined
      ? greeting(unknown(state, command, link, null))
      : order(state, duty, command, link, atMs, null)
  const is = standing(state.seen, authority.claim)
  if (is === 'superseded') return greeting(outrank(state, link, is))
  if (is === 'stale')
    return greeting(answered(state, link, command, 'stale', 'older than an order already carried out'))
  const heard = accept(state, authority.claim, atMs)
  const seen = advanced(state.kept, authority.claim)
  if (duty === undefined) return greeting(unknown(heard, command, link, seen))
  return order(heard, duty, command, link, atMs, seen)
}

function order(
  state: AgentState,
  duty: Duty,
  command: Command,
  link: string,
  atMs: number,
  seen: Claim | null,
): AgentStep {
  const want = command.action === 'drain' ? 'drained' : 'open'
  const waiter: Waiter = {
    via: 'v2',
    link,
    command: command.id,
    want,
    deadlineMs: atMs + command.limitMs,
    progressAtMs: atMs + 1_000,
  }
  const context = { bootId: state.bootId, waiter }
  const release = releaseOf(command, duty)
  const move =
    command.action === 'drain'
      ? takeHolds(duty, command.holds, release, context)
      : dropHolds(duty, release, command.allow, context)
  return moved(state, duty, move, seen)
}

function releaseOf(command: Command, duty: Duty): readonly string[] {
  const named = command.release.filter((id) => mayRelease(command.authority, id))
  const isRun = command.action === 'drain' && command.authority.kind === 'gate'
  return isRun ? [...named, ...earlierRuns(command.holds, holdsOf(duty))] : named
}

function unknown(state: AgentState, command: Command, link: string, seen: Claim | null): Greeting {
  const known = [...state.duties.keys()].join(', ')
  const text = `no target named ${command.target} here; there is: ${known}`
  return { ...answered(state, link, command, 'failed', text), seen }
}

/** v1 names no target: it means the first, and its one hold is the agent's own. */
function commandedV1(state: AgentState, event: Happened<'commanded-v1'>): AgentStep {
  const [duty] = state.duties.values()
  const { link, action, atMs } = event
  if (duty === undefined || state.links.get(link)?.role !== 'v1') {
    return still(state, [{ type: 'send-v1', link, action, ok: false, text: 'this host has no target' }])
  }
  const want = action === 'drain' ? 'drained' : 'open'
  const deadlineMs = atMs + event.limitMs
  const waiter: Waiter = { via: 'v1', link, command: '', want, deadlineMs, progressAtMs: deadlineMs }
  const context = { bootId: state.bootId, waiter }
  const own = holdsOf(duty).filter((hold) => hold.owner === 'v1')
  const fresh = {
    id: `v1/${event.nonce}`,
    owner: 'v1' as const,
    message: 'ordered by a v1 client',
    sinceMs: event.wallMs,
    selector: state.policy.host,
    except: [],
  }
  const move =
    action === 'drain'
      ? takeHolds(duty, own.length === 0 ? [fresh] : own, [], context)
      : dropHolds(
          duty,
          own.map((hold) => hold.id),
          !awaitsCoordinator(state, duty),
          context,
        )
  return after(moved(state, duty, move, null), [note({ what: 'v1-used', action })])
}

// A marker lost with its disk may have held what a v1 client knows nothing of.
function awaitsCoordinator(state: AgentState, duty: Duty): boolean {
  return state.policy.expectCoordinator && dutyState(duty, state.bootId) === 'undecided'
}

function pinged(state: AgentState, { link, claim, nonce, atMs }: Happened<'pinged'>): AgentStep {
  const pong: AgentEffect = { type: 'send', link, message: { type: 'pong', nonce } }
  if (claim === null || state.links.get(link)?.role !== 'coordinator') return still(state, [pong])
  const is = standing(state.seen, claim)
  if (is === 'superseded') return greeting(outrank(state, link, is))
  if (is === 'stale') return still(state, [pong])
  const seen = advanced(state.kept, claim)
  return greeting({ state: accept(state, claim, atMs), seen, effects: [pong, ...noteClaim(state, seen)] })
}

function viewed(state: AgentState, target: string, view: TargetView): AgentStep {
  const duty = state.duties.get(target)
  if (duty === undefined || (duty.view !== null && view.round < duty.view.round)) return still(state)
  const next = { ...duty, view }
  const isBreach = isHeld(duty) && isQuiet(duty) && !isQuiet(next)
  if (!isBreach) return still(withDuty(state, next), [{ type: 'report' }])
  const breached = note({ what: 'breached', target, units: stillRunning(next) })
  return still(withDuty(state, { ...next, breaches: duty.breaches + 1 }), [{ type: 'report' }, breached])
}

function probed(state: AgentState, { resource, ok, reason, atMs }: Happened<'probed'>): AgentStep {
  const before = state.probes.get(resource)
  const told = reason.replaceAll(/\p{Cc}/gu, ' ').slice(0, limits.messageLength)
  // Most probes say what the one before said, and nobody need hear of it again.
  if (before?.ok === ok && before.reason === told) return still(state)
  const probe: ProbeState = { ok, reason: told, sinceMs: before?.ok === ok ? before.sinceMs : atMs }
  return still({ ...state, probes: new Map(state.probes).set(resource, probe) }, [{ type: 'report' }])
}

function ticked(state: AgentState, { target, atMs, wallMs, nonce }: Happened<'tick'>): AgentStep {
  const duty = state.duties.get(target)
  if (duty === undefined) return still(state)
  const move = advance(duty, { state, atMs, wallMs, nonce })
  // Several targets that drain themselves in one outage are one self-drain.
  const isSelfDrain = hasSelf(move.next.duty) && ![...state.duties.values()].some(hasSelf)
  return moved(isSelfDrain ? countSelfDrain(state, atMs) : state, duty, move, null)
}

function hasSelf(duty: Duty): boolean {
  return holdsOf(duty).some((hold) => hold.owner === 'self')
}

/** The step that a target's move makes: its record and a new claim are saved together. */
function moved(state: AgentState, before: Duty, move: Move, seen: Claim | null): AgentStep {
  const next = (base: AgentState, course: Move['next']): Next<AgentState, AgentEffect> => {
    const after = withDuty(base, course.duty)
    const report: readonly AgentEffect[] = isReportable(before, course.duty) ? [{ type: 'report' }] : []
    const told = tell(after)
    return { state: told.state, effects: [...course.effects, ...report, ...told.effects], answer: null }
  }
  const record = move.save === null ? null : { target: before.spec.name, record: move.save }
  const save = record === null && seen === null ? null : { seen, record }
  const otherwise = record === null ? move.next : move.otherwise
  return { save, next: next(keep(state, seen), move.next), otherwise: next(state, otherwise) }
}

function isReportable(before: Duty, now: Duty): boolean {
  return (
    before.record !== now.record ||
    before.durable !== now.durable ||
    before.allowed !== now.allowed ||
    before.drifted !== now.drifted ||
    before.work.is !== now.work.is
  )
}

function asked(state: AgentState, asker: AgentState['askers'][number]): AgentStep {
  const told = tell({ ...state, askers: [...state.askers, asker] })
  return still(told.state, told.effects)
}

/** Whoever asked whether a target may open is told once this boot's decision stands. */
function tell(state: AgentState): { readonly state: AgentState; readonly effects: readonly AgentEffect[] } {
  const ready = state.askers.filter(({ target }) => {
    const duty = state.duties.get(target)
    return duty?.durable === true && isOpened(duty, state.bootId)
  })
  if (ready.length === 0) return { state, effects: [] }
  const askers = state.askers.filter((asker) => !ready.includes(asker))
  return { state: { ...state, askers }, effects: ready.map((asker) => ({ type: 'tell-open', ...asker })) }
}

function after(step: AgentStep, effects: readonly AgentEffect[]): AgentStep {
  const more = (next: Next<AgentState, AgentEffect>) => ({ ...next, effects: [...next.effects, ...effects] })
  return { save: step.save, next: more(step.next), otherwise: more(step.otherwise) }
}

function withDuty(state: AgentState, duty: Duty): AgentState {
  if (state.duties.get(duty.spec.name) === duty) return state
  return { ...state, duties: new Map(state.duties).set(duty.spec.name, duty) }
}
