import type { ProgressAnswer } from '../../protocol/api.ts'
import type { AgentMessage, ClientMessage } from '../../protocol/v2.ts'
import type { AgentProcess } from './agent-process.ts'
import type { FleetProcess } from './fleet-process.ts'
import type { SimHost } from './host.ts'
import { Promises } from './promises.ts'
import type { Unit } from './units.ts'
import { type AgentTake, AgentWatch } from './watch-agent.ts'
import { type FleetTake, FleetWatch } from './watch-fleet.ts'
import type { World } from './world.ts'

export type { AgentTake, FleetTake }

/** Everything that the promises are checked against, looked at after each step of anybody. */
export class Watch {
  readonly promises: Promises
  readonly #agents: AgentWatch
  readonly #fleet: FleetWatch

  constructor(world: World) {
    this.promises = new Promises(world)
    this.#agents = new AgentWatch(this.promises)
    this.#fleet = new FleetWatch(world)
  }

  agentBegan(agent: AgentProcess): void {
    this.#agents.began(agent)
  }

  agentTakes(agent: AgentProcess, take: AgentTake): void {
    this.#agents.takes(agent, take)
  }

  agentStepped(agent: AgentProcess, take: AgentTake): void {
    this.#agents.stepped(agent, take)
  }

  agentSays(agent: AgentProcess, link: string | null, message: AgentMessage): void {
    this.#agents.says(agent, link, message)
  }

  agentStarts(agent: AgentProcess, target: string): void {
    this.#agents.starts(agent, target)
  }

  agentTellsOpen(agent: AgentProcess, target: string): void {
    this.#agents.tellsOpen(agent, target)
  }

  agentDied(host: SimHost): void {
    this.promises.follow(host)
  }

  hostDied(host: SimHost, isDiskLost: boolean): void {
    if (isDiskLost) this.promises.weaken(host)
  }

  unitActivated(host: SimHost, unit: Unit): void {
    this.promises.activated(host, unit)
  }

  gateAnswered(process: FleetProcess, resource: string, hold: string | null): void {
    this.#fleet.gateAnswered(process, resource, hold)
  }

  /** A gate learns from the agent itself that its hold has drained a target. */
  gateLearned(host: SimHost, target: string, hold: string): void {
    this.promises.learned(host, target, hold, 'the gate')
  }

  fleetTakes(process: FleetProcess, take: Pick<FleetTake, 'event' | 'step'>): void {
    this.#fleet.takes(process, take)
  }

  fleetStepped(process: FleetProcess, take: FleetTake): void {
    this.#fleet.stepped(process, take)
  }

  fleetSends(process: FleetProcess, host: string, message: ClientMessage): void {
    this.#fleet.sends(process, host, message)
  }

  progressTold(process: FleetProcess, hold: string, progress: ProgressAnswer): void {
    this.#fleet.progressTold(process, hold, progress, this.promises)
  }
}
