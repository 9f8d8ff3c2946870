import { formatDuration } from '../protocol/duration.ts'
import { parseSelector } from '../protocol/selector.ts'
import type { CoordinatorFile } from './config.ts'
import { list, type Refusal, refuse, selectorFault } from './config-refusal.ts'
import { rebuildRefusals } from './rebuild-checks.ts'

/** Everything that is wrong between the fields of a config. */
export function crossCheck(config: CoordinatorFile): readonly Refusal[] {
  return [
    ...twins(config, 'address', ({ address, port = 9876 }) => `${address}:${port}`),
    ...twins(config, 'keyName', ({ keyName }, host) => keyName ?? host),
    ...unknownTargets(config),
    ...targetRefusals(config),
    ...keyRefusals(config),
    ...rebuildRefusals(config),
    ...(config.heartbeat.lost <= config.heartbeat.every
      ? [
          refuse(
            config,
            ['heartbeat', 'lost'],
            `must be longer than heartbeat.every (${formatDuration(config.heartbeat.every)})`,
          ),
        ]
      : []),
  ]
}

type HostEntry = CoordinatorFile['hosts'][string]

function* twins(
  config: CoordinatorFile,
  field: 'address' | 'keyName',
  identify: (entry: HostEntry, host: string) => string,
): Generator<Refusal> {
  const first = new Map<string, string>()
  for (const [host, entry] of Object.entries(config.hosts)) {
    const value = identify(entry, host)
    const twin = first.get(value)
    if (twin !== undefined) {
      yield refuse(config, ['hosts', host, field], `${value} is already that of host ${twin}; each host needs its own`)
    } else first.set(value, host)
  }
}

function* unknownTargets(config: CoordinatorFile): Generator<Refusal> {
  const known = Object.keys(config.targets ?? { 'io-databases': null })
  for (const [host, entry] of Object.entries(config.hosts)) {
    for (const [index, target] of (entry.targets ?? []).entries()) {
      if (known.includes(target)) continue
      yield refuse(config, ['hosts', host, 'targets', index], `no target is named ${target}; there ${list(known)}`)
    }
  }
}

function* targetRefusals(config: CoordinatorFile): Generator<Refusal> {
  const known = Object.keys(config.resources)
  for (const [name, target] of Object.entries(config.targets ?? {})) {
    for (const [index, resource] of target.needs.entries()) {
      if (known.includes(resource)) continue
      yield refuse(config, ['targets', name, 'needs', index], `no resource is named ${resource}; there ${list(known)}`)
    }
    for (const [index, selector] of target.waves.entries()) {
      const fault = selectorFault(selector)
      if (fault !== null) yield refuse(config, ['targets', name, 'waves', index], fault)
    }
    yield* slowWaves(config, name, target)
  }
}

// A gate that gives up before the last wave was even ordered would stop a database under running dependents.
function* slowWaves(
  config: CoordinatorFile,
  name: string,
  target: NonNullable<CoordinatorFile['targets']>[string],
): Generator<Refusal> {
  const waves = Math.max(1, target.waves.length + (hasRest(config, name, target.waves) ? 1 : 0))
  const sumMs = waves * target.drainDeadline
  for (const resource of target.needs) {
    const entry = config.resources[resource]
    if (entry?.gate !== 'local' || sumMs <= entry.gateDeadline) continue
    const rest = waves > target.waves.length && waves > 1 ? ' (the last of hosts that no selector matches)' : ''
    const sum = `${waves} wave${waves === 1 ? '' : 's'}${rest} of drainDeadline ${formatDuration(target.drainDeadline)} take ${formatDuration(sumMs)}`
    const limit = `resources.${resource}.gateDeadline is ${formatDuration(entry.gateDeadline)}`
    yield refuse(
      config,
      ['targets', name, 'waves'],
      `${sum}, but ${limit}; shorten drainDeadline or raise gateDeadline`,
    )
  }
}

/** Whether some host of the target is in no wave: such hosts are one more, the last. */
function hasRest(config: CoordinatorFile, target: string, waves: readonly string[]): boolean {
  if (waves.length === 0 || waves.some((selector) => selectorFault(selector) !== null)) return false
  const matchers = waves.map(parseSelector)
  const hosts = Object.entries(config.hosts).filter(([, { targets }]) => targets?.includes(target) ?? true)
  return hosts.some(([name, { tags }]) => !matchers.some((matches) => matches({ name, tags })))
}

function* keyRefusals(config: CoordinatorFile): Generator<Refusal> {
  const v1 = Object.entries(config.hosts).find(([, entry]) => entry.protocol === 'v1')
  if (v1 !== undefined && config.v1PskFile === undefined) {
    yield refuse(
      config,
      ['hosts', v1[0], 'protocol'],
      'a v1 host needs v1PskFile: the key that may cross the wire as it is',
    )
  }
}
