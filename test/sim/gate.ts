import type { ProgressAnswer } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { standsOn } from '../../protocol/v2/command.ts'
import type { AgentMessage } from '../../protocol/v2.ts'
import type { FleetProcess } from './fleet-process.ts'
import type { SimHost } from './host.ts'
import { Connection } from './network.ts'
import type { World } from './world.ts'

export interface GateOrder {
  readonly resource: string
  readonly seq: number
  readonly limitMs: number
}

const silenceMs = 2_000

/**
 * `guardian gate down`: waits for the daemon's drain; where the daemon refuses, is silent or dies, it orders the agents
 * itself within what is left of its time.
 */
export class GateRun {
  readonly #world: World
  readonly #order: GateOrder
  readonly #done: () => void
  readonly #endMs: number
  readonly #connections: Connection[] = []
  #isOver = false
  #isDirect = false

  constructor(world: World, order: GateOrder, done: () => void) {
    this.#world = world
    this.#order = order
    this.#done = done
    this.#endMs = world.schedule.nowMs + order.limitMs
  }

  start(): void {
    this.#world.schedule.at(this.#endMs, () => this.#end('deadline'))
    const daemon = this.#world.primary
    if (daemon === null) {
      this.#direct('no daemon')
      return
    }
    const { schedule, io } = this.#world
    const { resource, seq, limitMs } = this.#order
    let isAnswered = false
    schedule.after(silenceMs, () => {
      if (!isAnswered) this.#direct('silent')
    })
    const request = { state: 'down' as const, seq, bootId: io.bootId, limitMs }
    daemon.ask({ type: 'gate-asked', resource, request }, (outcome) => {
      isAnswered = true
      if (outcome === null) return this.#direct('daemon died')
      if ('refused' in outcome) return this.#direct(outcome.refused.code)
      const { answer } = outcome
      if (this.#isOver || answer === null || !('hold' in answer)) return
      this.#world.watch.gateAnswered(daemon, resource, answer.hold)
      if (answer.hold !== null) this.#follow(daemon, answer.hold)
    })
  }

  stop(): void {
    this.#isOver = true
    for (const connection of this.#connections) connection.close()
  }

  #follow(daemon: FleetProcess, hold: string): void {
    this.#world.schedule.every(100, () => {
      if (this.#isOver || this.#isDirect) return false
      if (!daemon.isAlive) this.#direct('daemon dropped')
      if (this.#isDirect || daemon.isSilent) return !this.#isDirect
      const progress = this.#progress(daemon, hold)
      if (progress === null || progress.superseded) {
        this.#direct('superseded meanwhile')
        return false
      }
      this.#world.watch.progressTold(daemon, hold, progress)
      if (!progress.settled) return true
      const isDone = progress.hosts.every(({ is }) => is === 'done')
      this.#end(isDone ? 'every host is drained' : 'settled')
      return false
    })
  }

  #progress(daemon: FleetProcess, hold: string): ProgressAnswer | null {
    try {
      return this.#world.cores.fleetProgress.drainProgress(daemon.state, hold, this.#world.io.clockMs())
    } catch (cause) {
      if (cause instanceof GuardianError) return null
      throw cause
    }
  }

  #direct(why: string): void {
    if (this.#isOver || this.#isDirect) return
    this.#isDirect = true
    this.#world.note('gate', `orders the agents itself: ${why}`)
    const open = new Set<string>()
    for (const host of this.#world.hosts) {
      for (const spec of host.setup.targets.filter((each) => each.needs.includes(this.#order.resource))) {
        const seat = `${host.name}/${spec.name}`
        open.add(seat)
        this.#drain(host, spec.name, () => {
          open.delete(seat)
          if (open.size === 0) this.#end('all answered')
        })
      }
    }
    if (open.size === 0) this.#end('nothing to drain')
  }

  #drain(host: SimHost, target: string, settled: () => void): void {
    const { io, network } = this.#world
    const { resource, seq } = this.#order
    const id = `${resource}/${io.bootId}/${seq}`
    const owner = `gate:${resource}` as const
    const authority = { kind: 'gate' as const, resource }
    const hold = { id, owner, message: '', sinceMs: io.wallMs(), selector: '*', except: [] }
    this.#world.gateHolds.push(hold)
    const told = (connection: Connection, message: AgentMessage) => {
      if (message.type === 'hello') {
        const limitMs = Math.max(0, this.#endMs - this.#world.schedule.nowMs)
        const command = { type: 'command' as const, id: `gate${seq}`, action: 'drain' as const, target, authority }
        return connection.send({ ...command, holds: [hold], release: [], limitMs })
      }
      if (message.type === 'response') {
        connection.close()
        if (message.outcome === 'ok' && standsOn(message, [hold]) && !this.#isOver)
          this.#world.watch.gateLearned(host, target, id)
        settled()
      }
    }
    const client = { told, closed: settled }
    const hello = { type: 'hello' as const, oldest: 2, newest: 2, authority, build: 'gate' }
    this.#connections.push(new Connection(network, host, client, hello))
  }

  #end(why: string): void {
    if (this.#isOver) return
    this.stop()
    this.#world.note('gate', `of ${this.#order.resource} is down: ${why}`)
    this.#done()
  }
}
