import type { FleetAnswer, FleetEffect, FleetSave } from '../../coordinator/core/effect.ts'
import type { FleetEvent } from '../../coordinator/core/event.ts'
import type { FleetHold, FleetState } from '../../coordinator/core/state.ts'
import type { ProgressAnswer } from '../../protocol/api.ts'
import type { Claim } from '../../protocol/authority.ts'
import { gateOf } from '../../protocol/hold.ts'
import { parseSelector } from '../../protocol/selector.ts'
import type { Next, Step } from '../../protocol/step.ts'
import type { ClientMessage, Command } from '../../protocol/v2.ts'
import type { FleetProcess } from './fleet-process.ts'
import type { Promises } from './promises.ts'
import { Violation } from './trace.ts'
import { wantedBy } from './truth.ts'
import type { World } from './world.ts'

export interface FleetTake {
  readonly event: FleetEvent
  readonly step: Step<FleetState, FleetSave, FleetEffect, FleetAnswer>
  readonly course: Next<FleetState, FleetEffect, FleetAnswer>
}

/** What a coordinator may decide, send and answer, judged by its store and by who asked for what. */
export class FleetWatch {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Before anything of the step is done. */
  takes(process: FleetProcess, { event, step }: Pick<FleetTake, 'event' | 'step'>): void {
    const { save } = step
    if (save === null) return
    for (const id of save.release) this.#mayRelease(process, event, id)
    for (const hold of save.put) this.#mayPut(process, event, hold)
  }

  stepped(process: FleetProcess, { event, step, course }: FleetTake): void {
    this.#mustBeKnown(process, event, course.state)
    this.#mustBeStored(process, course.state)
    const isDurable = step.save === null || course === step.next
    if (event.type === 'drain-asked' && isDurable) this.#answered(process, event.request.dryRun, course.answer)
    if (event.type === 'undrain-asked' && !event.request.dryRun) this.#undrained(process, course.answer)
  }

  sends(process: FleetProcess, host: string, message: ClientMessage): void {
    if (message.type !== 'command') return
    if (process.state.superseded !== null) throw new Violation('S4', `${process.name} is superseded and orders ${host}`)
    for (const id of message.release) this.#mayOrderRelease(process, host, id)
    if (message.action === 'drain') this.#mayOrderDrain(process, host, message)
    else if (message.allow) this.#mayAllow(process, host, message.target)
  }

  progressTold(process: FleetProcess, hold: string, progress: ProgressAnswer, promises: Promises): void {
    for (const { host, target, is } of progress.hosts) {
      const found = this.#world.hosts.find((each) => each.name === host)
      if (is === 'acknowledged') this.#mustStayShut(host)
      if (is !== 'done') continue
      if (found === undefined) throw new Violation('S2', `${host} speaks v1 and cannot be done`)
      if (progress.superseded || this.#world.hadRival || this.#world.wasForced.has(host)) continue
      if (this.#world.lostDisk.has(host) || this.#world.liars.has(host)) continue
      promises.learned(found, target, hold, 'progress')
    }
    const isDone = progress.settled && progress.hosts.every(({ is }) => is === 'done')
    if (isDone) this.#mustBeWhole(process, hold, progress)
  }

  /** The hold that a gate waits for is of every host; people take hosts out again, and they alone. */
  gateAnswered({ name, state }: FleetProcess, resource: string, id: string | null): void {
    const hold = state.holds.get(id ?? '')
    for (const spec of state.plan.hosts.values()) {
      const needing = spec.targets.filter((target) => state.plan.targets.get(target)?.needs.includes(resource))
      const isMeant = hold?.members.has(spec.name) === true && needing.every((target) => hold.targets.includes(target))
      if (needing.length === 0 || isMeant) continue
      throw new Violation('S2', `${name} lets the gate of ${resource} wait for ${id}, and not for ${spec.name}`)
    }
  }

  /** What a v1 server acknowledged is over as soon as it is told to open. */
  #mustStayShut(host: string): void {
    if (this.#world.hadRival || this.#world.v1Hosts.get(host)?.isToOpen !== true) return
    throw new Violation('S2', `${host} counts as acknowledged, and was told to open`)
  }

  /** S2: exit 0 only if every host of the hold is done. */
  #mustBeWhole(process: FleetProcess, hold: string, progress: ProgressAnswer): void {
    for (const spec of process.state.plan.hosts.values()) {
      for (const target of spec.targets) {
        if (!wantedBy(process, spec.name, target).includes(hold)) continue
        if (progress.hosts.some((each) => each.host === spec.name && each.target === target)) continue
        throw new Violation('S2', `drain ${hold} is done without ${spec.name}/${target}`)
      }
    }
  }

  #mayRelease(process: FleetProcess, event: FleetEvent, id: string): void {
    const hold = process.state.holds.get(id)
    if (hold === undefined && event.type === 'undrain-asked' && event.request.hold === id) return
    if (hold !== undefined && this.#isReleasedBy(process, event, hold)) return
    throw new Violation(
      'S1',
      `${process.name} releases ${id} of ${hold?.owner} on ${event.type}, and nobody asked for it`,
    )
  }

  #isReleasedBy(process: FleetProcess, event: FleetEvent, hold: FleetHold): boolean {
    switch (event.type) {
      case 'undrain-asked': {
        const { request } = event
        if (request.hold !== undefined) return request.hold === hold.id && (hold.orphan || gateOf(hold.owner) === null)
        if (!request.force && (hold.orphan || !hold.owner.startsWith('operator:'))) return false
        const matches = parseSelector(request.selector)
        const hosts = [...process.state.plan.hosts.values()].filter((host) => hold.members.has(host.name))
        const isInside = hosts.every((host) => hold.except.has(host.name) || matches(host))
        return isInside && (request.target === undefined || hold.targets.every((each) => each === request.target))
      }
      case 'takeover-asked':
        return event.request.drop.includes(hold.id)
      case 'gate-read':
      case 'gate-asked':
        return gateOf(hold.owner) === event.resource
      case 'tick':
        return this.#isOver(hold) || isGateUp(process, gateOf(hold.owner))
      default:
        return false
    }
  }

  /** A hold with an end was given so long ago, by a clock that nobody can set. */
  #isOver(hold: FleetHold): boolean {
    const asked = this.#world.ends.get(hold.id)
    return hold.end !== null && asked !== undefined && this.#world.schedule.nowMs >= asked
  }

  #mayPut(process: FleetProcess, event: FleetEvent, hold: FleetHold): void {
    const isNew = !process.store.rows.has(hold.id)
    if (isNew && process.store.released.has(hold.id)) {
      throw new Violation('S5', `${process.name} takes ${hold.id} again on ${event.type}, which it released`)
    }
    this.#mustStayOpen(process, hold)
    const before = process.state.holds.get(hold.id)
    const taken = [...hold.except].filter((host) => before?.except.has(host) !== true)
    if (taken.length > 0 && event.type !== 'undrain-asked') {
      throw new Violation('S1', `${process.name} takes ${taken.join()} out of ${hold.id} on ${event.type}`)
    }
    const left = [...(before?.except ?? [])].filter((host) => !hold.except.has(host))
    if (left.length > 0) throw new Violation('S5', `${process.name} forgets that ${left.join()} left ${hold.id}`)
  }

  /** Without a gate's file every start has an id of its own; what a person ended in this boot is not taken again by that. */
  #mustStayOpen(process: FleetProcess, hold: FleetHold): void {
    const [absence] = hold.id.match(/^.*\/absent-/) ?? []
    const ended = [...process.store.released].find((id) => absence !== undefined && id.startsWith(absence))
    if (ended !== undefined) throw new Violation('S5', `${process.name} takes ${hold.id} after ${ended} was released`)
  }

  /** Whoever is told of a claim above its own is superseded, and says so. */
  #mustBeKnown(process: FleetProcess, event: FleetEvent, after: FleetState): void {
    const seen = seenIn(event)
    if (seen === null || after.superseded !== null) return
    const { claim } = after
    const isAbove = seen.epoch > claim.epoch || seen.revision > claim.revision
    const isTwin = seen.epoch === claim.epoch && seen.instance !== claim.instance
    if (!isAbove && !isTwin) return
    throw new Violation(
      'S4',
      `${process.name} was told of ${JSON.stringify(seen)} and goes on with ${JSON.stringify(claim)}`,
    )
  }

  #mustBeStored(process: FleetProcess, state: FleetState): void {
    const { store } = process
    for (const hold of state.holds.values()) {
      if (!hold.persisted) continue
      const row = store.rows.get(hold.id)?.hold
      if (row !== undefined && row.except.size === hold.except.size && row.members.size === hold.members.size) continue
      throw new Violation('S5', `${process.name} has ${hold.id}, and its store does not`)
    }
    for (const id of store.rows.keys()) {
      if (!state.holds.has(id)) throw new Violation('S5', `${process.name} forgot ${id}, which its store has`)
    }
  }

  #answered(process: FleetProcess, isDry: boolean, answer: FleetAnswer): void {
    if (isDry || answer === null || !('persisted' in answer) || !answer.persisted) return
    const { rows, released } = process.store
    if (rows.has(answer.hold) || released.has(answer.hold)) return
    throw new Violation('S5', `${process.name} answered that ${answer.hold} is persisted`)
  }

  #undrained(process: FleetProcess, answer: FleetAnswer): void {
    if (answer === null || !('narrowed' in answer)) return
    const { rows, released } = process.store
    for (const id of answer.released) {
      if (!released.has(id)) throw new Violation('S5', `${process.name} answered that ${id} is released`)
    }
    for (const { hold, except } of answer.narrowed) {
      const kept = rows.get(hold)?.hold.except
      if (except.some((host) => kept?.has(host) !== true)) {
        throw new Violation('S5', `${process.name} answered that ${except.join()} left ${hold}`)
      }
    }
  }

  #mayOrderRelease(process: FleetProcess, host: string, id: string): void {
    const { rows, released } = process.store
    const row = rows.get(id)?.hold
    if (row === undefined ? released.has(id) : row.except.has(host)) return
    const [resource] = id.split('/')
    if (row === undefined && isGateUp(process, resource ?? null) && !this.#isDown(resource ?? '', id)) return
    throw new Violation('S5', `${process.name} orders ${host} to release ${id}, which its store does not say`)
  }

  /** Whether the gate that gave this very hold is down now, whatever the daemon has read. */
  #isDown(resource: string, id: string): boolean {
    const file = this.#world.gateFiles.get(resource)
    return file?.is === 'down' && id === `${resource}/${file.bootId}/${file.seq}`
  }

  #mayOrderDrain(process: FleetProcess, host: string, command: Extract<Command, { action: 'drain' }>): void {
    const isDown = (process.state.hosts.get(host)?.seats.get(command.target)?.report?.holds.length ?? 0) > 0
    if (!isDown && !isRush(process, command.target)) this.#mustBeTurn(process, host, command.target, 'drain')
    for (const { id } of command.holds) {
      const row = process.store.rows.get(id)?.hold
      if (row === undefined) {
        if (process.state.holds.get(id)?.persisted === false) continue
        throw new Violation('S5', `${process.name} orders ${host} to hold ${id} before it is persisted`)
      }
      const isMeant = row.members.has(host) && !row.except.has(host) && row.targets.includes(command.target)
      const isUnsaved = process.state.holds.get(id)?.persisted === false
      if (!isMeant && !isUnsaved)
        throw new Violation('S1', `${process.name} orders ${host} to hold ${id}, which is not meant for it`)
    }
  }

  /** S3 and the takeover's promise, at the coordinator's side of the permission. */
  #mayAllow(process: FleetProcess, host: string, target: string): void {
    const { state } = process
    if (state.awaiting.size > 0)
      throw new Violation('S1', `${process.name} opens ${host} before every host has reported`)
    const wanted = wantedBy(process, host, target)
    if (wanted.length > 0) throw new Violation('S1', `${process.name} opens ${host} though ${wanted.join()} holds it`)
    const needs = state.plan.targets.get(target)?.needs ?? []
    const bad = needs.filter((need) => process.probes.get(need) !== true)
    if (bad.length > 0)
      throw new Violation('S3', `${process.name} allows ${host} to open though ${bad.join()} does not answer`)
    this.#mustBeTurn(process, host, target, 'undrain')
  }

  /** Waves follow each other, and undrain runs them in reverse: nobody moves while one before it is on its way. */
  #mustBeTurn(process: FleetProcess, host: string, target: string, direction: 'drain' | 'undrain'): void {
    const { state } = process
    const movement = state.movements.get(target)?.[direction]
    const plan = state.plan.targets.get(target)
    const spec = state.plan.hosts.get(host)
    if (movement?.wave == null || movement.late.has(host)) return
    if (plan === undefined || spec === undefined || plan.waves.length === 0) return
    const found = plan.waves.findIndex((selector) => parseSelector(selector)(spec))
    const wave = found === -1 ? plan.waves.length : found
    if ((direction === 'drain' ? wave : plan.waves.length - wave) <= movement.wave) return
    throw new Violation('waves', `${process.name} ${direction}s ${host} of wave ${wave} before its turn`)
  }
}

/** Half of a gate's time is over: all remaining waves are ordered at once. */
function isRush(process: FleetProcess, target: string): boolean {
  const atMs = process.clockMs()
  const holds = [...process.state.holds.values()]
  return holds.some((hold) => hold.rushAtMs !== null && hold.rushAtMs <= atMs && hold.targets.includes(target))
}

/** As far as the daemon can know: the file may have changed since it was read. */
function isGateUp(process: FleetProcess, resource: string | null): boolean {
  return resource !== null && process.state.resources.get(resource)?.gate?.is === 'up'
}

function seenIn(event: FleetEvent): Claim | null {
  if (event.type === 'link-up') return event.hello.seen
  if (event.type !== 'told') return null
  return event.message.type === 'report' || event.message.type === 'error' ? event.message.seen : null
}
