import { begin } from '../../../agent/core/begin.ts'
import type { AgentEffect, AgentNote } from '../../../agent/core/effect.ts'
import type { AgentEvent } from '../../../agent/core/event.ts'
import type {
  AgentState,
  DependentView,
  Duty,
  Policy,
  TargetRecord,
  TargetSpec,
  TargetView,
  UnitView,
} from '../../../agent/core/state.ts'
import { step } from '../../../agent/core/step.ts'
import type { Authority, Claim } from '../../../protocol/authority.ts'
import type { Hold, Owner } from '../../../protocol/hold.ts'
import type { JobRecord } from '../../../protocol/rebuild.ts'
import type { Response } from '../../../protocol/v2/command.ts'
import type { AgentMessage } from '../../../protocol/v2.ts'

export const target = 'db'
export const unit = 'db.target'
export const bootId = 'b'.repeat(32)
export const twin = 'e'.repeat(32)

export const policy: Policy = {
  host: 'web1',
  build: 'guardian test',
  expectCoordinator: true,
  bootWithoutCoordinatorMs: 300_000,
  onCoordinatorLost: 'probe',
  lostAfterMs: 30_000,
}

export const spec: TargetSpec = { name: target, unit, needs: ['pg'], enforce: false, allowLeftovers: [] }

export function claimOf(epoch = 1, revision = 1, instance = 'a'.repeat(32)): Claim {
  return { epoch, instance, revision }
}

export function holdOf(id: string, owner: Owner = 'operator:ada'): Hold {
  return { id, owner, message: `why ${id}`, sinceMs: 0, selector: '*', except: [] }
}

export function unitOf(active: UnitView['active'], more: Partial<UnitView> = {}): UnitView {
  return { unit, active, job: 'none', processes: 0, ...more }
}

export function dependentOf(active: UnitView['active'], more: Partial<DependentView> = {}): DependentView {
  return { ...unitOf(active), unit: 'app.service', guarded: true, wanted: true, ...more }
}

export function viewOf(round: number, active: UnitView['active'], ...dependents: readonly DependentView[]): TargetView {
  return { round, target: unitOf(active), dependents }
}

interface Start {
  readonly policy?: Partial<Policy>
  readonly specs?: readonly TargetSpec[]
  readonly records?: Readonly<Record<string, TargetRecord>>
  readonly seen?: Claim | null
  /** What is kept of rebuilds; without it the host takes none. */
  readonly jobs?: ReadonlyMap<string, JobRecord>
}

type Happening<Event = AgentEvent> = Event extends AgentEvent ? Omit<Event, 'atMs'> : never

/** One agent between a disk that may be full and whoever talks to it. */
export class Scene {
  state: AgentState
  nowMs = 1_000
  isFull = false
  readonly disk: {
    seen: Claim | null
    readonly records: Map<string, TargetRecord>
    readonly jobs: Map<string, JobRecord>
  }
  /** Of the last event. */
  effects: readonly AgentEffect[] = []
  saves = 0
  #commands = 0

  constructor(start: Start = {}) {
    const specs = start.specs ?? [spec]
    this.disk = {
      seen: start.seen ?? null,
      records: new Map(Object.entries(start.records ?? {})),
      jobs: new Map(start.jobs),
    }
    this.state = begin({
      policy: { ...policy, ...start.policy },
      bootId,
      seen: this.disk.seen,
      specs,
      records: this.disk.records,
      ...(start.jobs === undefined ? {} : { jobs: this.disk.jobs }),
      atMs: this.nowMs,
    })
  }

  send(event: Happening): readonly AgentEffect[] {
    const { save, next, otherwise } = step(this.state, { ...event, atMs: this.nowMs })
    if (save !== null) this.saves += 1
    const isKept = save === null || !this.isFull
    if (isKept && save?.seen != null) this.disk.seen = save.seen
    if (isKept && save?.record != null) this.disk.records.set(save.record.target, save.record.record)
    if (isKept && save?.job !== undefined) {
      const { job, record } = save.job
      if (record === null) this.disk.jobs.delete(job)
      else this.disk.jobs.set(job, record)
    }
    const course = isKept ? next : otherwise
    this.state = course.state
    this.effects = course.effects
    return this.effects
  }

  greet(link: string, authority: Authority = { kind: 'coordinator', claim: claimOf() }): readonly AgentEffect[] {
    return this.send({
      type: 'greeted',
      link,
      hello: { type: 'hello', oldest: 2, newest: 2, authority, build: 'test' },
    })
  }

  drain(
    link: string,
    holds: readonly Hold[],
    more: { authority?: Authority; release?: readonly string[]; limitMs?: number; target?: string } = {},
  ): string {
    const { authority = { kind: 'coordinator', claim: claimOf() }, release = [], limitMs = 90_000 } = more
    const id = this.#nextCommand()
    const rest = { id, target: more.target ?? target, authority, release: [...release], limitMs }
    this.send({ type: 'commanded', link, command: { type: 'command', action: 'drain', holds: [...holds], ...rest } })
    return id
  }

  undrain(
    link: string,
    release: readonly string[],
    more: { authority?: Authority; allow?: boolean; limitMs?: number } = {},
  ): string {
    const { authority = { kind: 'coordinator', claim: claimOf() }, allow = true, limitMs = 90_000 } = more
    const id = this.#nextCommand()
    const rest = { id, target, authority, release: [...release], allow, limitMs }
    this.send({ type: 'commanded', link, command: { type: 'command', action: 'undrain', ...rest } })
    return id
  }

  v1(link: string, action: 'drain' | 'undrain', limitMs = 90_000): readonly AgentEffect[] {
    return this.send({ type: 'commanded-v1', link, action, limitMs, nonce: 'n1', wallMs: 5 })
  }

  view(view: TargetView, of = target): readonly AgentEffect[] {
    return this.send({ type: 'viewed', target: of, view })
  }

  probe(ok: boolean, resource = 'pg', reason = ok ? '' : 'connection refused'): readonly AgentEffect[] {
    return this.send({ type: 'probed', resource, ok, reason })
  }

  /** Ticks until nothing more happens; on a full disk something is tried for ever. */
  tick(afterMs = 0, of = target): readonly AgentEffect[] {
    this.nowMs += afterMs
    const all: AgentEffect[] = []
    let before: AgentState | null = null
    for (let round = 0; before !== this.state && round < 5; round += 1) {
      before = this.state
      all.push(...this.send({ type: 'tick', target: of, nonce: `n${this.nowMs}`, wallMs: 7 }))
    }
    this.effects = all
    return all
  }

  duty(of = target): Duty {
    const duty = this.state.duties.get(of)
    if (duty === undefined) throw new Error(`no target ${of}`)
    return duty
  }

  #nextCommand(): string {
    this.#commands += 1
    return `k${this.#commands}`
  }
}

/** A host whose target runs, decided in this boot, with a coordinator on link `c`. */
export function openScene(start: Start = {}): Scene {
  const scene = new Scene({ records: { [target]: { marker: null, opening: { bootId, is: 'open' } } }, ...start })
  scene.greet('c')
  scene.view(viewOf(0, 'active', dependentOf('active')))
  scene.probe(true)
  scene.tick()
  return scene
}

/** The same host after a drain by the coordinator has come to its end. */
export function drainedScene(start: Start = {}, holds: readonly Hold[] = [holdOf('h1')]): Scene {
  const scene = openScene(start)
  scene.drain('c', holds)
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'inactive', dependentOf('inactive')))
  scene.tick()
  return scene
}

export function sentTo(effects: readonly AgentEffect[], link: string): readonly AgentMessage[] {
  return effects.flatMap((effect) => (effect.type === 'send' && effect.link === link ? [effect.message] : []))
}

export function responses(effects: readonly AgentEffect[]): readonly Response[] {
  return effects.flatMap((effect) =>
    effect.type === 'send' && effect.message.type === 'response' ? [effect.message] : [],
  )
}

export function outcomes(effects: readonly AgentEffect[]): readonly string[] {
  return responses(effects).map(({ id, outcome }) => `${id} ${outcome}`)
}

export function notes(effects: readonly AgentEffect[]): readonly AgentNote['what'][] {
  return effects.flatMap((effect) => (effect.type === 'note' ? [effect.note.what] : []))
}

export function kinds(effects: readonly AgentEffect[]): readonly AgentEffect['type'][] {
  return effects.map(({ type }) => type)
}
