import { begin } from '../../../coordinator/core/begin.ts'
import type { FleetAnswer, FleetEffect, FleetNote, FleetSave } from '../../../coordinator/core/effect.ts'
import type { FleetEvent } from '../../../coordinator/core/event.ts'
import type { FleetHold, FleetPlan, FleetState, Seat, Superseded } from '../../../coordinator/core/state.ts'
import { step } from '../../../coordinator/core/step.ts'
import type { DrainRequest, GateRequest, TakeoverRequest, UndrainRequest } from '../../../protocol/api.ts'
import type { Claim } from '../../../protocol/authority.ts'
import { type ErrorCode, GuardianError } from '../../../protocol/errors.ts'
import type { Response } from '../../../protocol/v2/command.ts'
import type { TargetReport } from '../../../protocol/v2/report.ts'
import type { AgentMessage, Command } from '../../../protocol/v2.ts'
import { bootId, claim, drainRequest, planOf, reportOf, undrainRequest } from './shapes.ts'

interface Start {
  readonly plan?: FleetPlan
  readonly claim?: Claim
  readonly superseded?: Superseded | null
  readonly awaiting?: readonly string[]
  readonly holds?: readonly FleetHold[]
  readonly released?: readonly string[]
  readonly owed?: readonly string[]
}

type Happening<Event = FleetEvent> = Event extends FleetEvent ? Omit<Event, 'atMs' | 'wallMs'> : never
type Sent = Extract<FleetEffect, { type: 'send' | 'send-v1' | 'close' }>

/** A coordinator between a store that may be full and hosts that do what the test says. */
export class Fleet {
  state: FleetState
  nowMs = 100_000
  isFull = false
  effects: readonly FleetEffect[] = []
  saves: FleetSave[] = []
  #links = 0

  constructor(start: Start = {}) {
    this.state = begin({
      plan: start.plan ?? planOf(),
      build: 'guardian test',
      bootId,
      claim: start.claim ?? claim,
      superseded: start.superseded ?? null,
      awaiting: start.awaiting ?? [],
      holds: start.holds ?? [],
      released: start.released ?? [],
      owedUndrain: start.owed ?? [],
      atMs: this.nowMs,
    })
  }

  send(event: Happening): FleetAnswer {
    const { save, next, otherwise } = step(this.state, { ...event, atMs: this.nowMs, wallMs: 1_700_000_000_000 })
    const isKept = save === null || !this.isFull
    if (save !== null && isKept) this.saves.push(save)
    const course = isKept ? next : otherwise
    this.state = course.state
    this.effects = course.effects
    return course.answer
  }

  /** The code and text of a refusal, thrown or answered. */
  refusal(event: Happening): { readonly code: ErrorCode; readonly message: string } | null {
    try {
      const answer = this.send(event)
      return answer instanceof GuardianError ? { code: answer.code, message: answer.message } : null
    } catch (cause) {
      if (cause instanceof GuardianError) return { code: cause.code, message: cause.message }
      throw cause
    }
  }

  link(host: string): string {
    const link = this.state.hosts.get(host)?.link
    return link?.is === 'up' ? link.link : ''
  }

  up(host: string, more: { seen?: Claim | null; targets?: readonly string[] } = {}): void {
    this.#links += 1
    const hello = {
      type: 'hello' as const,
      version: 2,
      host,
      bootId,
      build: 'guardian agent',
      seen: more.seen ?? null,
      targets: [...(more.targets ?? this.state.plan.hosts.get(host)?.targets ?? [])],
      clockMs: 0,
    }
    this.send({ type: 'link-up', host, link: `l${this.#links}`, hello })
  }

  upV1(host: string): void {
    this.#links += 1
    this.send({ type: 'link-up-v1', host, link: `l${this.#links}` })
  }

  down(host: string, link: string | null = this.link(host)): void {
    this.send({ type: 'link-down', host, link, reason: 'connection reset' })
  }

  /** An agent that refuses the claim, on a link that need not be up. */
  outrank(host: string, seen: Claim): void {
    const message = { type: 'error' as const, code: 'superseded' as const, message: 'a later coordinator', seen }
    this.send({ type: 'told', host, link: 'refused', message })
  }

  tell(host: string, message: AgentMessage): void {
    this.send({ type: 'told', host, link: this.link(host), message })
  }

  report(host: string, ...targets: readonly TargetReport[]): void {
    this.tell(host, { type: 'report', seen: null, targets: [...targets], probes: [] })
  }

  join(host: string, ...targets: readonly TargetReport[]): void {
    this.up(host)
    this.report(host, ...targets)
  }

  respond(host: string, outcome: Response['outcome'], more: Partial<Response> = {}): void {
    const id = this.seat(host).order?.command ?? ''
    this.tell(host, { type: 'response', id, outcome, message: outcome, units: [], report: null, ...more })
  }

  toldV1(host: string, action: 'drain' | 'undrain' | 'ping', ok = true): void {
    this.send({ type: 'told-v1', host, link: this.link(host), action, ok, text: ok ? 'done' : 'no' })
  }

  probe(ready: boolean, resource = 'pg'): void {
    this.send({ type: 'probed', resource, ready, reason: ready ? '' : 'connection refused' })
  }

  gate(is: 'up' | 'down' | null, seq = 1, resource = 'pg', boot = bootId): FleetAnswer {
    return this.send({ type: 'gate-read', resource, gate: is === null ? null : { is, seq, bootId: boot } })
  }

  askGate(request: Partial<GateRequest>, resource = 'pg'): FleetAnswer {
    return this.send({
      type: 'gate-asked',
      resource,
      request: { state: 'down', seq: 1, bootId, limitMs: 90_000, ...request },
    })
  }

  drain(id: string, more: Partial<DrainRequest> = {}): FleetAnswer {
    return this.send({ type: 'drain-asked', request: drainRequest(id, more) })
  }

  undrain(more: Partial<UndrainRequest> = {}): FleetAnswer {
    return this.send({ type: 'undrain-asked', request: undrainRequest(more) })
  }

  takeOver(more: Partial<TakeoverRequest> = {}): FleetAnswer {
    return this.send({ type: 'takeover-asked', request: { drop: [], excuse: [], dryRun: false, ...more } })
  }

  tick(afterMs = 0): readonly FleetEffect[] {
    this.nowMs += afterMs
    this.send({ type: 'tick' })
    return this.effects
  }

  seat(host: string, target = 'db'): Seat {
    const seat = this.state.hosts.get(host)?.seats.get(target)
    if (seat === undefined) throw new Error(`${host} has no seat ${target}`)
    return seat
  }

  get sent(): readonly Sent[] {
    return this.effects.filter((effect): effect is Sent => effect.type !== 'note')
  }

  get commands(): readonly Command[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'send' && effect.message.type === 'command' ? [effect.message] : [],
    )
  }

  /** `drain a1`, `undrain b1`, in the order in which they were sent. */
  get orders(): readonly string[] {
    return this.effects.flatMap((effect) => {
      if (effect.type === 'send-v1') return [`v1 ${effect.action} ${effect.host}`]
      return effect.type === 'send' && effect.message.type === 'command'
        ? [`${effect.message.action} ${effect.host}`]
        : []
    })
  }

  get notes(): readonly FleetNote['what'][] {
    return this.effects.flatMap((effect) => (effect.type === 'note' ? [effect.note.what] : []))
  }

  get lastSave(): FleetSave {
    const save = this.saves.at(-1)
    if (save === undefined) throw new Error('nothing was saved')
    return save
  }
}

/** Both hosts connected and open. */
export function openFleet(start: Start = {}): Fleet {
  const fleet = new Fleet(start)
  for (const host of fleet.state.plan.hosts.values()) {
    if (host.protocol === 'v1') fleet.upV1(host.name)
    else fleet.join(host.name, ...host.targets.map((target) => reportOf('open', [], { target })))
  }
  fleet.tick()
  return fleet
}
