import { asMessage } from '../../../protocol/names.ts'
import type { RolloutEvent } from '../../../protocol/rollout/api.ts'
import { applied, type Change, changed, type FleetStep, noted, owedBy, saveOf, settle, still } from '../change.ts'
import type { FleetAnswer, FleetEffect, RolloutSave } from '../effect.ts'
import type { FleetHold, FleetState } from '../state.ts'
import { holdsSlot, runsOf } from './kinds.ts'
import { orderJobs } from './orders.ts'
import type { Move } from './scene.ts'
import type { FleetLock, HostRun, Rollout, RolloutNow, Rollouts, StageProgress } from './state.ts'

export interface Moment {
  readonly atMs: number
  readonly wallMs: number
}

/** Everything that one event changes in rollouts, made durable at once or not at all. */
export class Draft {
  state: FleetState
  readonly moment: Moment
  readonly #before: FleetState
  /** Copies of this draft's own, so that a fleet's runs are copied once and not at every move. */
  readonly #own = new Map<string, Map<string, HostRun>>()
  readonly #rollouts = new Set<string>()
  readonly #runs = new Map<string, HostRun>()
  readonly #events: RolloutEvent[] = []
  readonly #effects: FleetEffect[] = []
  readonly #put = new Map<string, FleetHold>()
  readonly #release = new Set<string>()
  readonly #drop: string[] = []
  readonly #locks: { put: readonly FleetLock[]; drop: readonly string[] } = { put: [], drop: [] }

  constructor(state: FleetState, moment: Moment) {
    this.#before = state
    this.state = state
    this.moment = moment
  }

  rollout(id: string): Rollout {
    const found = this.state.rollouts.all.get(id)
    if (found === undefined) throw new Error(`no rollout ${id}`)
    return found
  }

  runs(id: string): readonly HostRun[] {
    return [...runsOf(this.state, id).values()]
  }

  effect(effect: FleetEffect): void {
    this.#effects.push(effect)
  }

  event(rollout: string, type: string, reason: string, more: Partial<RolloutEvent> = {}): void {
    const { nextEvent } = this.state.rollouts
    const fields = { seq: nextEvent, atMs: this.moment.wallMs, rollout, type, reason: asMessage(reason) }
    const event = { host: null, from: null, to: null, ...more, ...fields }
    this.#set({ nextEvent: nextEvent + 1 })
    this.#events.push(event)
    this.#effects.push({ type: 'rollout-event', event })
  }

  add(rollout: Rollout, runs: readonly HostRun[]): void {
    const { all, runs: others, nextRollout } = this.state.rollouts
    const own = new Map(runs.map((run) => [run.host, run]))
    this.#own.set(rollout.id, own)
    this.#set({
      all: new Map(all).set(rollout.id, rollout),
      runs: new Map(others).set(rollout.id, own),
      nextRollout: nextRollout + 1,
    })
    this.#rollouts.add(rollout.id)
    for (const run of runs) this.#runs.set(`${run.rollout}/${run.host}`, run)
  }

  drop(id: string): void {
    const all = new Map(this.state.rollouts.all)
    const runs = new Map(this.state.rollouts.runs)
    all.delete(id)
    runs.delete(id)
    this.#set({ all, runs })
    this.#drop.push(id)
  }

  edit(rollout: Rollout): void {
    this.hush(rollout)
    this.#rollouts.add(rollout.id)
  }

  /** What only people read, and may as well be lost. */
  hush(rollout: Rollout): void {
    this.#set({ all: new Map(this.state.rollouts.all).set(rollout.id, rollout) })
  }

  turn(id: string, now: RolloutNow, reason: string, more: Partial<Rollout> = {}): void {
    const before = this.rollout(id)
    const said = asMessage(reason)
    this.edit({ ...before, ...more, now, reason: said, sinceMs: this.moment.atMs })
    this.event(id, `rollout.${now.is}`, said, { from: before.now.is, to: now.is })
  }

  stage(id: string, change: Partial<StageProgress> & Pick<StageProgress, 'now' | 'reason'>): void {
    const rollout = this.rollout(id)
    const stage = { ...rollout.stage, ...change, sinceMs: this.moment.atMs, reason: asMessage(change.reason) }
    this.edit({ ...rollout, stage })
  }

  editRun(run: HostRun): void {
    const own = this.#own.get(run.rollout) ?? new Map(runsOf(this.state, run.rollout))
    this.#own.set(run.rollout, own.set(run.host, run))
    this.#set({ runs: new Map(this.state.rollouts.runs).set(run.rollout, own) })
    this.#runs.set(`${run.rollout}/${run.host}`, run)
  }

  move(run: HostRun, move: Move): HostRun {
    const { atMs } = this.moment
    const reason = asMessage(move.reason)
    const to = { ...run, ...move.more, now: move.to, reason, sinceMs: atMs }
    if (move.release === true && to.hold !== null) this.#releaseHold(to.hold)
    if (move.put !== undefined) this.#putHold(move.put)
    const after = move.release === true ? { ...to, hold: null } : to
    this.editRun(after)
    this.streak(run.job, null)
    const more = { host: run.host, from: run.now.is, to: after.now.is }
    this.event(run.rollout, `host.${after.now.is}`, reason, more)
    if (holdsSlot(after) !== holdsSlot(run))
      this.event(run.rollout, holdsSlot(after) ? 'slot.taken' : 'slot.released', reason, { host: run.host })
    return after
  }

  streak(job: string, ok: boolean | null): void {
    const before = this.state.rollouts.streaks.get(job)
    if (before?.ok === (ok ?? undefined)) return
    const streaks = new Map(this.state.rollouts.streaks)
    if (ok === null) streaks.delete(job)
    else streaks.set(job, { ok, sinceMs: this.moment.atMs })
    this.#set({ streaks })
  }

  lock(lock: FleetLock): void {
    this.#locks.put = [lock]
    this.#set({ locks: new Map(this.state.rollouts.locks).set(lock.id, lock) })
  }

  unlock(id: string): void {
    const locks = new Map(this.state.rollouts.locks)
    locks.delete(id)
    this.#locks.drop = [id]
    this.#set({ locks })
  }

  /** A rollout has ended: of what was sent nothing is awaited any more. Others send theirs once more. */
  forgetOrders(): void {
    this.#set({ orders: new Map() })
  }

  keepConditions(keys: ReadonlySet<string>): void {
    const { conditions } = this.state.rollouts
    const kept = [...conditions].filter(([key]) => keys.has(key))
    if (kept.length < conditions.size) this.#set({ conditions: new Map(kept) })
  }

  /** Orders to jobs follow what is durable then; where it cannot be, nothing has happened and the next tick tries again. */
  finish(answer: FleetAnswer = null, refusal: FleetAnswer = null): FleetStep {
    const { atMs } = this.moment
    const change = this.#change()
    if (change === null) {
      const course = orderJobs(this.state, atMs)
      return still(course.state, [...this.#effects, ...course.effects], answer)
    }
    const after = applied(this.state, change)
    const course = orderJobs(after, atMs)
    const effects = [...this.#effects, ...course.effects]
    const isHolding = this.#put.size + this.#release.size > 0
    const next = isHolding ? settle(course.state, atMs, effects, answer) : { state: course.state, effects, answer }
    return { save: saveOf(after, change), next, otherwise: { state: this.#before, effects: [], answer: refusal } }
  }

  /** For an event that changes more than rollouts, and no hold by them. */
  parts(): { readonly state: FleetState; readonly save?: RolloutSave; readonly effects: readonly FleetEffect[] } {
    const save = this.#change()?.rollouts
    return { state: this.state, effects: this.#effects, ...(save === undefined ? {} : { save }) }
  }

  #change(): Change | null {
    const { put: lockPut, drop: lockDrop } = this.#locks
    const count = this.#rollouts.size + this.#runs.size + this.#events.length + this.#drop.length
    if (count + lockPut.length + lockDrop.length === 0) return null
    const put = [...this.#put.values()].filter(({ id }) => this.state.holds.has(id))
    const rollouts: RolloutSave = {
      put: [...this.#rollouts].map((id) => this.rollout(id)),
      runs: [...this.#runs.values()],
      drop: this.#drop,
      events: this.#events,
      locks: this.#locks,
      nextRollout: this.state.rollouts.nextRollout,
    }
    return { put, release: [...this.#release], owe: owedBy(this.state, put), rollouts }
  }

  #putHold(hold: FleetHold): void {
    this.#put.set(hold.id, hold)
    this.state = changed(this.state, { put: [hold] })
    this.#effects.push(...noted({ what: 'hold-taken', hold: hold.id, owner: hold.owner, text: hold.message }))
  }

  #releaseHold(id: string): void {
    const hold = this.state.holds.get(id)
    if (hold === undefined) return
    this.#release.add(id)
    this.state = changed(this.state, { release: [id] })
    this.#effects.push(...noted({ what: 'hold-released', hold: id, owner: hold.owner }))
  }

  #set(change: Partial<Rollouts>): void {
    this.state = { ...this.state, rollouts: { ...this.state.rollouts, ...change } }
  }
}
