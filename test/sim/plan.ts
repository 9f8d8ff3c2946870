import type { Policy, TargetSpec } from '../../agent/core/state.ts'
import type { FleetPlan, HostSpec, TargetPlan } from '../../coordinator/core/state.ts'
import type { HostSetup } from './host.ts'
import type { Weather } from './network.ts'
import type { Random } from './random.ts'
import { unitsOfTarget } from './units.ts'

/** What a seed makes of a world: its shape and how badly it is treated. Times are short, so that a run is too. */
export interface SimPlan {
  readonly hosts: readonly HostSetup[]
  readonly v1Hosts: readonly string[]
  readonly tags: ReadonlyMap<string, readonly string[]>
  readonly resources: readonly string[]
  readonly gated: readonly string[]
  readonly targets: readonly TargetPlan[]
  readonly weather: Weather
  readonly chaosMs: number
  /** Mean pause between two misfortunes. */
  readonly pauseMs: number
  /** 0 to 1: how slow and unreliable units are. */
  readonly rough: number
  readonly lostSignals: number
  readonly lostCalls: number
  readonly slowViewsMs: number
  readonly slowCheckMs: number
  readonly probeEveryMs: number
  readonly heartbeatMs: number
  readonly lostMs: number
  readonly gateLimitMs: number
  /** Stores restored from old copies and twins: most worlds have neither. */
  readonly hasRivals: boolean
  readonly losesDisks: boolean
  /** Somebody has the key of one host. */
  readonly hasLiar: boolean
}

export function makePlan(random: Random): SimPlan {
  const isCalm = random.chance(0.15)
  const targets = makeTargets(random)
  const names = ['web1', 'web2', 'db1', 'app1', 'app2'].slice(0, random.pick([1, 1, 2, 2, 2, 3, 3, 4, 5]))
  const v1Hosts = random.chance(0.25) ? ['old1'] : []
  const losesDisks = random.chance(0.3)
  return {
    hosts: names.map((name) => makeHost(random, name, targets)),
    v1Hosts,
    tags: new Map([...names, ...v1Hosts].map((name) => [name, name.startsWith('web') ? ['web'] : ['rest']])),
    resources: targets.some((target) => target.needs.includes('redis')) ? ['postgresql', 'redis'] : ['postgresql'],
    gated: ['postgresql'],
    targets,
    weather: isCalm
      ? { slowMs: 5, spikes: 0, doubled: 0 }
      : {
          slowMs: random.pick([5, 50, 300]),
          spikes: random.pick([0, 0.01, 0.05]),
          doubled: random.pick([0, 0.1, 0.5]),
        },
    chaosMs: random.chance(0.8) ? random.between(8_000, 30_000) : random.between(30_000, 80_000),
    pauseMs: random.pick([300, 600, 1_200, 3_000]),
    rough: isCalm ? 0.2 : random.pick([0.2, 1, 2]),
    lostSignals: isCalm ? 0 : random.pick([0, 0.05, 0.3]),
    lostCalls: isCalm ? 0 : random.pick([0, 0, 0.05]),
    slowViewsMs: random.pick([5, 100, 800]),
    slowCheckMs: random.between(4_000, 8_000),
    probeEveryMs: 2_000,
    heartbeatMs: 2_000,
    lostMs: 6_000,
    gateLimitMs: random.pick([6_000, 12_001, 20_000]),
    hasRivals: random.chance(0.25),
    losesDisks,
    hasLiar: random.chance(0.2),
  }
}

export const wavePlans: readonly (readonly string[])[] = [[], [], ['@web'], ['@web', '@rest'], ['@rest']]

function makeTargets(random: Random): TargetPlan[] {
  const limits = { drainLimitMs: 5_000, undrainLimitMs: 6_000 }
  const waves = random.pick(wavePlans)
  const needs = random.chance(0.5) ? ['postgresql', 'redis'] : ['postgresql']
  const first = { name: 'io-databases', needs, waves, ...limits }
  if (!random.chance(0.25)) return [first]
  return [first, { name: 'storage', needs: random.pick([['redis'], ['postgresql', 'redis']]), waves: [], ...limits }]
}

function makeHost(random: Random, name: string, targets: readonly TargetPlan[]): HostSetup {
  const own = targets.length > 1 && random.chance(0.2) ? targets.slice(0, 1) : targets
  const policy: Policy = {
    host: name,
    build: 'sim',
    expectCoordinator: !random.chance(0.15),
    bootWithoutCoordinatorMs: random.pick([15_000, 15_000, 30_000, null]),
    onCoordinatorLost: random.pick(['probe', 'probe', 'keep']),
    lostAfterMs: 4_000,
  }
  const specs = own.map((target): TargetSpec & { readonly leaves: boolean } => {
    const unit = `${target.name}.target`
    const leaves = random.chance(0.2)
    const allowLeftovers = leaves && random.chance(0.5) ? [`${target.name}-app.service`] : []
    return { name: target.name, unit, needs: target.needs, enforce: random.chance(0.1), allowLeftovers, leaves }
  })
  const units = specs.flatMap((spec) =>
    unitsOfTarget(spec.name, spec.unit, {
      twoGuarded: random.chance(0.3),
      secondLevel: random.chance(0.4),
      unguarded: random.pick(['none', 'none', 'part-of', 'requires-only']),
      leaves: spec.leaves,
    }),
  )
  return { name, policy, targets: specs, units }
}

/** The same in the coordinator's words. A configuration that is read again may name more hosts or other tags. */
export interface PlanChanges {
  readonly without: ReadonlySet<string>
  readonly retagged: ReadonlySet<string>
  readonly waves: readonly string[] | null
}

export function fleetPlanOf(plan: SimPlan, changes: PlanChanges): FleetPlan {
  const named = [...plan.hosts.map((host) => host.name), ...plan.v1Hosts].filter((name) => !changes.without.has(name))
  const hosts = named.map((name): [string, HostSpec] => {
    const own = plan.hosts.find((host) => host.name === name)?.targets.map((spec) => spec.name)
    const tags = changes.retagged.has(name) ? ['moved'] : (plan.tags.get(name) ?? [])
    const protocol = plan.v1Hosts.includes(name) ? 'v1' : 'v2'
    const targets = own ?? plan.targets.map((target) => target.name)
    return [name, { name, address: name, tags, protocol, targets }]
  })
  return {
    hosts: new Map(hosts),
    targets: new Map(plan.targets.map((target) => [target.name, { ...target, waves: changes.waves ?? target.waves }])),
    resources: new Map(
      plan.resources.map((name) => [
        name,
        { name, gate: plan.gated.includes(name) ? { limitMs: plan.gateLimitMs } : null, probed: true, units: [] },
      ]),
    ),
    unreachableGraceMs: 4_000,
    resendMs: 500,
    rebuilds: { policies: new Map(), budgets: new Map(), self: null },
  }
}
