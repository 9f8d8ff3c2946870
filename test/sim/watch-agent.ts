import type { AgentEffect, AgentSave } from '../../agent/core/effect.ts'
import type { AgentEvent } from '../../agent/core/event.ts'
import type { AgentState } from '../../agent/core/state.ts'
import type { Claim } from '../../protocol/authority.ts'
import type { Hold } from '../../protocol/hold.ts'
import type { Step } from '../../protocol/step.ts'
import type { TargetReport } from '../../protocol/v2/report.ts'
import type { AgentMessage } from '../../protocol/v2.ts'
import type { AgentProcess } from './agent-process.ts'
import type { Promises } from './promises.ts'
import { Violation } from './trace.ts'

export interface AgentTake {
  readonly event: AgentEvent
  readonly before: AgentState
  readonly step: Step<AgentState, AgentSave, AgentEffect>
}

/** What an agent may do and say, judged by what is on its disk and what its host's systemd really runs. */
export class AgentWatch {
  readonly #promises: Promises
  /** Hold ids that somebody who may has asked this life of the agent to release, or has put a later run in place of. */
  readonly #named = new WeakMap<AgentProcess, Set<string>>()
  readonly #wants = new WeakMap<AgentProcess, Map<string, 'drain' | 'undrain'>>()
  readonly #probes = new WeakMap<AgentProcess, Map<string, boolean>>()

  constructor(promises: Promises) {
    this.#promises = promises
  }

  began(agent: AgentProcess): void {
    this.#named.set(agent, new Set())
    this.#wants.set(agent, new Map())
    this.#probes.set(agent, new Map())
  }

  /** Before anything of the step is done. */
  takes(agent: AgentProcess, { event, before, step }: AgentTake): void {
    const { seen } = agent.host.disk
    const claim = claimOf(event)
    const isOutranked = claim !== null && seen !== null && outranks(seen, claim)
    if (isOutranked) this.#mustNotChange(agent, before, step, claim)
    if (event.type === 'commanded') {
      this.#wants.get(agent)?.set(`${event.link} ${event.command.id}`, event.command.action)
      if (!isOutranked) for (const id of event.command.release) this.#named.get(agent)?.add(id)
      const held = before.duties.get(event.command.target)?.record.marker ?? []
      for (const hold of held) if (isOvertaken(event, event.command.target, hold)) this.#named.get(agent)?.add(hold.id)
    }
    if (step.save?.seen != null && seen !== null && outranks(seen, step.save.seen)) {
      throw new Violation(
        'S4',
        `${agent.host.name} accepts ${JSON.stringify(step.save.seen)} after ${JSON.stringify(seen)}`,
      )
    }
    if (event.type === 'probed') this.#probes.get(agent)?.set(event.resource, event.ok)
    if (step.save?.record != null) this.#mayDrop(agent, event, step.save.record.target, step.save)
  }

  stepped(agent: AgentProcess, { event, step }: AgentTake): void {
    if (step.save?.record != null) this.#promises.follow(agent.host)
    for (const [target, { record }] of agent.state.duties) {
      const stale = (record.marker ?? []).find((hold) => isOvertaken(event, target, hold))
      if (stale !== undefined)
        throw new Violation('growth', `${agent.host.name} keeps ${stale.id} beside a later run of its gate`)
    }
  }

  says(agent: AgentProcess, link: string | null, message: AgentMessage): void {
    if (message.type === 'report') for (const report of message.targets) this.#report(agent, report)
    if (message.type !== 'response') return
    if (message.report !== null) this.#report(agent, message.report)
    const want = this.#wants.get(agent)?.get(`${link} ${message.id}`)
    if (message.outcome !== 'ok' || want !== 'drain') return
    if (message.report?.is !== 'drained' || !message.report.durable) {
      throw new Violation('S2', `${agent.host.name} answered ok to a drain: ${JSON.stringify(message.report)}`)
    }
  }

  starts(agent: AgentProcess, target: string): void {
    const { host } = agent
    if (host.disk.markers.has(target))
      throw new Violation('S1', `${host.name} starts ${target} while its marker exists`)
    const probes = this.#probes.get(agent)
    const needs = host.setup.targets.find((spec) => spec.name === target)?.needs ?? []
    const bad = needs.filter((need) => probes?.get(need) !== true)
    if (bad.length > 0)
      throw new Violation('S3', `${host.name} starts ${target} though ${bad.join(', ')} did not answer`)
  }

  /** `guardian wait` is told open only once this boot's decision is on disk. */
  tellsOpen({ host }: AgentProcess, target: string): void {
    const isDecided = host.disk.openings.get(target)?.bootId === host.bootId
    if (isDecided && !host.disk.markers.has(target)) return
    throw new Violation('S1', `${host.name} tells that ${target} is open, and this boot has not decided so`)
  }

  #report(agent: AgentProcess, report: TargetReport): void {
    const { host } = agent
    if (!report.durable) return
    const marker = host.disk.markers.get(report.target) ?? []
    const lost = report.holds.filter((hold) => !marker.some((kept) => kept.id === hold.id))
    if (lost.length > 0)
      throw new Violation('S5', `${host.name} told of ${lost[0]?.id} as durable and its disk has it not`)
    if (report.holds.length === 0 && marker.length > 0) {
      throw new Violation('S5', `${host.name} told that ${report.target} is released and its disk still holds it`)
    }
    if (report.is !== 'drained') return
    this.#promises.said(host, report.target)
    this.#promises.keep(host, report.target, report.holds)
  }

  /** S4: whoever is outranked by what this disk has accepted changes nothing. */
  #mustNotChange(agent: AgentProcess, before: AgentState, step: AgentTake['step'], claim: Claim): void {
    for (const [name, duty] of before.duties) {
      for (const next of [step.next, step.otherwise]) {
        const after = next.state.duties.get(name)
        if (after?.record === duty.record && after.allowed === duty.allowed) continue
        const seen = JSON.stringify(agent.host.disk.seen)
        throw new Violation('S4', `${agent.host.name} obeyed ${JSON.stringify(claim)} though it has seen ${seen}`)
      }
    }
  }

  /**
   * A hold leaves the disk only by an order that names it, by a later run of its gate that takes its place, by v1's own
   * undrain, or by the agent's own decision.
   */
  #mayDrop(agent: AgentProcess, event: AgentEvent, target: string, save: AgentSave): void {
    const { host } = agent
    const marker = save.record?.record.marker ?? []
    for (const hold of host.disk.markers.get(target) ?? []) {
      if (marker.some((kept) => kept.id === hold.id)) continue
      if (this.#named.get(agent)?.has(hold.id) === true) continue
      if (hold.owner === 'self' && event.type === 'tick') continue
      if (hold.owner === 'v1' && event.type === 'commanded-v1' && event.action === 'undrain') continue
      throw new Violation(
        'S1',
        `${host.name} drops ${hold.id} of ${hold.owner} on ${event.type}, and nobody released it`,
      )
    }
  }
}

export function outranks(seen: Claim, claim: Claim): boolean {
  if (claim.epoch < seen.epoch) return true
  return (claim.epoch === seen.epoch && claim.instance !== seen.instance) || claim.revision < seen.revision
}

/** Whether an order of the gate itself brings a later run of the same boot. */
function isOvertaken(event: AgentEvent, target: string, hold: Hold): boolean {
  if (event.type !== 'commanded' || event.command.action !== 'drain' || event.command.target !== target) return false
  const { authority, holds } = event.command
  if (authority.kind !== 'gate' || hold.owner !== `gate:${authority.resource}`) return false
  const [, boot, seq] = hold.id.split('/')
  return holds.some(({ id }) => {
    const [, ofBoot, later] = id.split('/')
    return ofBoot === boot && Number(later) > Number(seq)
  })
}

function claimOf(event: AgentEvent): Claim | null {
  switch (event.type) {
    case 'commanded':
      return event.command.authority.kind === 'coordinator' ? event.command.authority.claim : null
    case 'pinged':
      return event.claim
    case 'greeted':
      return event.hello.authority.kind === 'coordinator' ? event.hello.authority.claim : null
    default:
      return null
  }
}
