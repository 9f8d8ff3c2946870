import { formatDuration } from '../protocol/duration.ts'
import type { RolloutPolicy } from '../protocol/rollout/policy.ts'
import { parseWindow } from '../protocol/rollout/window.ts'
import type { CoordinatorFile } from './config.ts'
import { list, type Refusal, refuse, selectorFault } from './config-refusal.ts'

type Keys = readonly (string | number)[]
/** A fault of one policy: where in it, and what. */
type Fault = readonly [keys: Keys, message: string]

/** Everything that is wrong between the fields of `rebuilds`, and between them and the rest of the config. */
export function* rebuildRefusals(config: CoordinatorFile): Generator<Refusal> {
  const { self, budgets, policies } = config.rebuilds
  const hosts = Object.keys(config.hosts)
  if (self !== undefined && !hosts.includes(self)) {
    yield refuse(config, ['rebuilds', 'self'], `no host is named ${self}; there ${list(hosts)}`)
  }
  for (const [name, { select }] of Object.entries(budgets)) {
    const fault = selectorFault(select)
    if (fault !== null) yield refuse(config, ['rebuilds', 'budgets', name, 'select'], fault)
  }
  for (const [name, policy] of Object.entries(policies)) {
    for (const [keys, message] of policyFaults(config, policy)) {
      yield refuse(config, ['rebuilds', 'policies', name, ...keys], message)
    }
  }
}

function* policyFaults(config: CoordinatorFile, policy: RolloutPolicy): Generator<Fault> {
  yield* stageFaults(policy)
  yield* hookFaults(policy)
  yield* windowFaults(policy)
  yield* spanFaults(config, policy)
  if (config.rebuilds.prometheus === undefined) yield* queryFaults(policy)
}

function* stageFaults({ stages }: RolloutPolicy): Generator<Fault> {
  const names = stages.map(({ name }) => name)
  for (const [index, { name, select }] of stages.entries()) {
    const fault = selectorFault(select)
    if (fault !== null) yield [['stages', index, 'select'], fault]
    if (names.indexOf(name) !== index) yield [['stages', index, 'name'], `${name} is already that of an earlier stage`]
  }
}

function* hookFaults({ hooks, stages }: RolloutPolicy): Generator<Fault> {
  const known = stages.map(({ name }) => name)
  const names = hooks.map(({ name }) => name)
  for (const [index, { name, before }] of hooks.entries()) {
    const stage = before.slice('stage:'.length)
    if (!known.includes(stage)) {
      yield [['hooks', index, 'before'], `no stage is named ${stage}; there ${list(known)}`]
    }
    if (names.indexOf(name) !== index) yield [['hooks', index, 'name'], `${name} is already that of an earlier hook`]
  }
}

function* windowFaults({ stages, reboot }: RolloutPolicy): Generator<Fault> {
  for (const [index, { window }] of stages.entries()) {
    const fault = window === undefined ? null : windowFault(window)
    if (fault !== null) yield [['stages', index, 'window'], fault]
  }
  const fault = reboot.window === undefined ? null : windowFault(reboot.window)
  if (fault !== null) yield [['reboot', 'window'], fault]
  if (reboot.allow === 'window' && reboot.window === undefined) {
    yield [['reboot', 'allow'], 'needs reboot.window, such as "Sun 02:00/3h Europe/Berlin"']
  }
}

function windowFault(text: string): string | null {
  const window = parseWindow(text)
  if (window === null) return 'must be days, a time, a span and a time zone, such as "Sun 02:00/3h Europe/Berlin"'
  return window.zone === null || isZone(window.zone) ? null : `no time zone is named ${window.zone}`
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

// A bare number is milliseconds, which nobody means who writes 90.
const shortestMs = 1_000

function* spanFaults(config: CoordinatorFile, policy: RolloutPolicy): Generator<Fault> {
  const { drain, activate, reboot, health, confirm, progressDeadline } = policy
  const deadlines = { drain, activate, reboot, health }
  for (const [key, { deadline }] of Object.entries(deadlines)) {
    if (deadline < shortestMs) yield [[key, 'deadline'], 'must be at least a second, such as "10m"']
    if (deadline >= progressDeadline) {
      yield [[key, 'deadline'], `must be below progressDeadline, ${formatDuration(progressDeadline)}`]
    }
  }
  const undrains = Object.values(config.targets ?? { default: { undrainDeadline: 90_000 } })
  const judgedMs =
    health.settle + 2 * health.deadline + Math.max(0, ...undrains.map(({ undrainDeadline }) => undrainDeadline))
  if (confirm.timeout <= judgedMs) {
    const sum = 'health.settle, twice health.deadline and the longest undrainDeadline'
    yield [['confirm', 'timeout'], `must be longer than ${sum} take, ${formatDuration(judgedMs)}`]
  }
  if (health.minHealthy >= health.deadline) {
    yield [['health', 'minHealthy'], `must be below health.deadline, ${formatDuration(health.deadline)}`]
  }
}

function* queryFaults({ gates, health }: RolloutPolicy): Generator<Fault> {
  const needs = 'needs rebuilds.prometheus, the address of a Prometheus'
  for (const when of ['before', 'between'] as const) {
    for (const [index, gate] of gates[when].entries()) if ('promql' in gate) yield [['gates', when, index], needs]
  }
  for (const [name, probe] of Object.entries(health.probes)) {
    if ('promql' in probe) yield [['health', 'probes', name], needs]
  }
}
