import { createHash } from 'node:crypto'
import * as v from 'valibot'
import type { FleetEffect, JobOrder } from '../../../../coordinator/core/effect.ts'
import { isRolling, runsOf } from '../../../../coordinator/core/rollout/kinds.ts'
import { planText } from '../../../../coordinator/core/rollout/plan-text.ts'
import type { HostRun, Rollout } from '../../../../coordinator/core/rollout/state.ts'
import { rolloutStatus } from '../../../../coordinator/core/rollout/status.ts'
import type { FleetPlan } from '../../../../coordinator/core/state.ts'
import type { Hold } from '../../../../protocol/hold.ts'
import type {
  PlanRequest,
  RolloutEvent,
  RolloutOrder,
  RolloutStatus,
  StartRequest,
} from '../../../../protocol/rollout/api.ts'
import { type Budget, type RolloutPolicy, rolloutPolicy } from '../../../../protocol/rollout/policy.ts'
import type { JobReport, JobWant } from '../../../../protocol/v2/job.ts'
import type { Command } from '../../../../protocol/v2.ts'
import { Fleet } from '../scene.ts'
import { planOf, reportOf, specOf } from '../shapes.ts'
import { boots, done, freshJob, newSystem } from './site-jobs.ts'

export { newSystem, oldSystem, systemOf, well } from './site-jobs.ts'

export function policyOf(more: Partial<v.InferInput<typeof rolloutPolicy>> = {}): RolloutPolicy {
  const stages = [{ name: 'all', select: '*', maxParallel: 10, soak: 0 }]
  const health = { settle: 0, minHealthy: 0 }
  return v.parse(rolloutPolicy, { source: { mode: 'closure' }, stages, health, ...more })
}

interface Setup {
  readonly hosts?: readonly string[]
  readonly policy?: RolloutPolicy
  readonly budgets?: Readonly<Record<string, Budget>>
  readonly self?: string | null
  readonly plan?: Partial<FleetPlan>
}

const free: Budget = { select: '*', maxUnavailable: 100 }

export function fleetPlanOf({
  hosts = ['a1', 'b1'],
  policy = policyOf(),
  budgets,
  self = null,
  plan,
}: Setup): FleetPlan {
  const specs = hosts.map((name) => specOf(name, { tags: [name.slice(0, 1)] }))
  const rebuilds = { policies: new Map([['p', policy]]), budgets: new Map(Object.entries(budgets ?? { free })), self }
  return { ...planOf({ hosts: specs }), ...plan, rebuilds }
}

/** What a host answers to a want: a change of its job's report, or nothing at all. */
export type Manner = (order: JobOrder, job: JobReport) => Partial<JobReport> | null

export interface Machine {
  readonly name: string
  boot: string
  holds: readonly Hold[]
  isStuck: boolean
  readonly jobs: Map<string, JobReport>
  readonly wants: JobWant[]
}

/** A fleet of hosts that do what they are told, at once, unless a test says otherwise. */
export class Site {
  readonly fleet: Fleet
  readonly machines = new Map<string, Machine>()
  readonly manners = new Map<string, Manner>()
  readonly events: RolloutEvent[] = []
  readonly hooks: string[] = []
  readonly outcomes: string[] = []
  readonly verdicts = new Map<string, boolean>()
  id = 'r1'
  #plans = 0
  #todo: FleetEffect[] = []

  constructor(setup: Setup = {}) {
    this.fleet = new Fleet({ plan: fleetPlanOf(setup) })
    for (const name of this.fleet.state.plan.hosts.keys()) {
      this.machines.set(name, { name, boot: boots, holds: [], isStuck: false, jobs: new Map(), wants: [] })
      this.up(name)
    }
    this.settle()
  }

  get rollout(): Rollout {
    const found = this.fleet.state.rollouts.all.get(this.id)
    if (found === undefined) throw new Error(`no rollout ${this.id}`)
    return found
  }

  run(host: string): HostRun {
    const found = runsOf(this.fleet.state, this.id).get(host)
    if (found === undefined) throw new Error(`${host} is not in ${this.id}`)
    return found
  }

  /** `a1 done, b1 waiting` */
  get runs(): string {
    const runs = [...runsOf(this.fleet.state, this.id).values()]
    return runs.map(({ host, now }) => `${host} ${now.is}`).join(', ')
  }

  get is(): string {
    return this.rollout.now.is
  }

  get hash(): string | null {
    const { text } = this
    return text === null ? null : createHash('sha256').update(text).digest('hex')
  }

  get text(): string | null {
    return planText(this.rollout, runsOf(this.fleet.state, this.id).values())
  }

  get status(): RolloutStatus {
    return rolloutStatus(this.fleet.state, this.id, this.fleet.nowMs, 'f'.repeat(64))
  }

  machine(name: string): Machine {
    const found = this.machines.get(name)
    if (found === undefined) throw new Error(`no machine ${name}`)
    return found
  }

  job(name: string): JobReport {
    const found = this.machine(name).jobs.get(this.run(name).job)
    if (found === undefined) throw new Error(`${name} has no job`)
    return found
  }

  /** Sends, and what follows from it is kept for `settle`. */
  send(event: Parameters<Fleet['send']>[0]): ReturnType<Fleet['send']> {
    const answer = this.fleet.send(event)
    this.#todo.push(...this.fleet.effects)
    return answer
  }

  plan(more: Partial<PlanRequest> = {}): this {
    this.#plans += 1
    const hosts = [...this.fleet.state.plan.hosts.keys()]
    const systems = Object.fromEntries(hosts.map((host) => [host, newSystem]))
    const id = `${this.#plans}`.padStart(32, 'a')
    const source = { mode: 'closure' as const, systems }
    const request = { id, policy: 'p', selector: '*', operator: 'ada', message: '', meta: {}, source, ...more }
    const answer = this.send({ type: 'plan-asked', request })
    if (answer !== null && 'rollout' in answer) this.id = answer.rollout
    return this.settle()
  }

  start(more: Partial<StartRequest> = {}): this {
    const hash = this.hash
    const defaults = {
      operator: 'ada',
      message: '',
      skipStages: [],
      skipOffline: false,
      drain: true,
      allowReboot: false,
    }
    const request = { ...defaults, plan: hash ?? '', adopt: [], ...more }
    this.send({ type: 'rollout-start-asked', rollout: this.id, hash, request })
    return this.settle()
  }

  order(order: RolloutOrder): this {
    this.send({ type: 'rollout-ordered', rollout: this.id, order })
    return this.settle()
  }

  tell(key: string, ok: boolean, reason = ''): this {
    this.send({ type: 'condition-told', key, ok, reason })
    return this.settle()
  }

  /** Until nothing is due any more and every host has done what it was told. */
  settle(): this {
    for (let round = 0; round < 1_000; round += 1) {
      const before = this.fleet.state
      if (isRolling(before)) this.send({ type: 'advance' })
      const todo = this.#todo.splice(0)
      for (const effect of todo) this.#perform(effect)
      if (todo.length === 0 && this.#todo.length === 0 && this.fleet.state === before) return this
    }
    throw new Error('it never comes to rest')
  }

  pass(ms: number): this {
    this.fleet.nowMs += ms
    this.send({ type: 'tick' })
    return this.settle()
  }

  up(name: string): void {
    const hello = {
      ...{ type: 'hello' as const, version: 2, host: name, bootId: this.machine(name).boot, build: '', seen: null },
      ...{ targets: ['db'], clockMs: 0, features: ['jobs'] },
    }
    this.send({ type: 'link-up', host: name, link: `${name}-${this.fleet.nowMs}-${this.events.length}`, hello })
    this.report(name)
  }

  down(name: string): this {
    this.send({ type: 'link-down', host: name, link: null, reason: 'connection reset' })
    return this.settle()
  }

  back(name: string): this {
    this.up(name)
    return this.settle()
  }

  reboot(name: string): void {
    const machine = this.machine(name)
    machine.boot = machine.boot === boots ? 'c'.repeat(32) : `${machine.boot.slice(1)}d`
  }

  /** The host's job as a test wants it to be told. */
  set(name: string, change: Partial<JobReport>): this {
    const machine = this.machine(name)
    machine.jobs.set(this.run(name).job, { ...this.job(name), ...change })
    this.report(name)
    return this.settle()
  }

  report(name: string): void {
    const machine = this.machine(name)
    if (this.fleet.link(name) === '') return
    const is = machine.holds.length === 0 ? 'open' : machine.isStuck ? 'draining' : 'drained'
    const jobs = [...machine.jobs.values()].map((job) => ({ ...job, bootId: machine.boot }))
    const message = { type: 'report' as const, seen: null, targets: [reportOf(is, machine.holds)], probes: [], jobs }
    this.send({ type: 'told', host: name, link: this.fleet.link(name), message })
  }

  #perform(effect: FleetEffect): void {
    if (effect.type === 'rollout-event') this.events.push(effect.event)
    if (effect.type === 'run-hook') this.hooks.push(effect.hook)
    if (effect.type === 'tell-outcome')
      this.outcomes.push(this.fleet.state.rollouts.all.get(effect.rollout)?.now.is ?? '')
    if (effect.type === 'send-job') this.#obey(effect.host, effect.command)
    if (effect.type === 'send' && effect.message.type === 'command') this.#hold(effect.host, effect.message)
  }

  #hold(name: string, command: Command): void {
    const machine = this.machine(name)
    const kept = machine.holds.filter(({ id }) => !command.release.includes(id))
    const fresh =
      command.action === 'drain' ? command.holds.filter(({ id }) => !kept.some((hold) => hold.id === id)) : []
    machine.holds = [...kept, ...fresh]
    this.report(name)
  }

  #obey(name: string, order: JobOrder): void {
    const machine = this.machine(name)
    machine.wants.push(order.want)
    const before = machine.jobs.get(order.job) ?? freshJob(order, machine.boot)
    const now = (this.manners.get(name) ?? (() => ({})))(order, before)
    if (now === null) return
    if (order.want === 'forgotten') machine.jobs.delete(order.job)
    else machine.jobs.set(order.job, { ...before, ...done(order, before, machine.boot), ...now })
    this.report(name)
  }
}
