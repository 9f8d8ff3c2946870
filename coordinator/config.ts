import * as v from 'valibot'
import { kernelBootId } from '../daemon/clock.ts'
import { decodeConfig, readConfig } from '../daemon/config-file.ts'
import { type ProbeSpec, probeSpec } from '../daemon/probe.ts'
import { duration } from '../protocol/duration.ts'
import { selectorText } from '../protocol/hold.ts'
import { limits } from '../protocol/limits.ts'
import { hostName, resourceName, targetName, unitName } from '../protocol/names.ts'
import { crossCheck } from './config-checks.ts'
import type { FleetPlan, ResourcePlan, TargetPlan } from './core/state.ts'
import { rebuildPlanOf, rebuildsEntry } from './rebuild-config.ts'

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4_096))
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))
const address = v.pipe(v.string(), v.regex(/^[A-Za-z0-9.:_-]{1,255}$/, 'must be an IP address or a host name'))
const tag = v.pipe(v.string(), v.regex(/^[A-Za-z0-9._-]{1,255}$/, 'must be letters, digits, ".", "_" or "-"'))
const names = <T extends v.GenericSchema<string, string>>(name: T) =>
  v.pipe(v.array(name), v.maxLength(limits.targetsMax))

const hostEntry = v.strictObject({
  address,
  port: v.optional(port, 9876),
  tags: v.optional(v.array(tag), []),
  protocol: v.optional(v.picklist(['v1', 'v2']), 'v2'),
  /** Absent means the host's name; stays as it is when a host is renamed. */
  keyName: v.optional(hostName),
  /** Absent means every target. */
  targets: v.optional(names(targetName)),
})

const resourceEntry = v.strictObject({
  probe: v.optional(probeSpec),
  gate: v.optional(v.picklist(['local', 'none']), 'none'),
  gateDeadline: v.optional(duration, '90s'),
  /** Units of this host that hold its data; a rebuild of this host that touches one drains the fleet first. */
  units: v.optional(v.pipe(v.array(unitName), v.maxLength(limits.dependentsMax)), []),
})

const targetEntry = v.strictObject({
  needs: v.optional(v.array(resourceName), []),
  waves: v.optional(v.pipe(v.array(selectorText), v.maxLength(64)), []),
  drainDeadline: v.optional(duration, '90s'),
  undrainDeadline: v.optional(duration, '90s'),
})

const tokenEntry = v.strictObject({ name: hostName, file: path, may: v.picklist(['read', 'lock', 'operate']) })

/** What stands in coordinator.json, before cross-checks. */
export const coordinatorFile = v.strictObject({
  stateDir: v.optional(path, '/var/lib/io-guardian-coordinator'),
  runtimeDir: v.optional(path, '/run/io-guardian-coordinator'),
  gateDir: v.optional(path, '/run/io-guardian-gate'),
  bootIdFile: v.optional(path, kernelBootId),
  pskFile: v.optional(path),
  keys: v.optional(v.picklist(['derived', 'shared']), 'derived'),
  v1PskFile: v.optional(path),
  tls: v.optional(v.strictObject({ cert: path, key: path, ca: path })),
  hosts: v.optional(v.record(hostName, hostEntry), {}),
  resources: v.optional(v.record(resourceName, resourceEntry), {}),
  /** Absent means `io-databases`, which needs every resource. */
  targets: v.optional(v.record(targetName, targetEntry)),
  api: v.optional(
    v.strictObject({
      listen: v.optional(v.strictObject({ address: v.optional(address, '127.0.0.1'), port: v.optional(port, 9877) })),
      tokens: v.optional(v.array(tokenEntry), []),
    }),
    {},
  ),
  rebuilds: v.optional(rebuildsEntry, {}),
  unreachableGrace: v.optional(duration, '20s'),
  heartbeat: v.optional(v.strictObject({ every: v.optional(duration, '4s'), lost: v.optional(duration, '12s') }), {}),
  log: v.optional(
    v.strictObject({ level: v.optional(v.picklist(['trace', 'debug', 'info', 'warn', 'error', 'fatal']), 'info') }),
    {},
  ),
})
export type CoordinatorFile = v.InferOutput<typeof coordinatorFile>

/** Where a host is dialled and by which key. */
export interface HostDial {
  readonly host: string
  readonly address: string
  readonly port: number
  readonly protocol: 'v1' | 'v2'
  readonly keyName: string
}

export interface TokenFile {
  readonly name: string
  readonly file: string
  readonly may: 'read' | 'lock' | 'operate'
}

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

export interface CoordinatorConfig {
  readonly file: string
  readonly stateDir: string
  readonly runtimeDir: string
  readonly gateDir: string
  readonly bootIdFile: string
  /** null where the key comes as a systemd credential or by GUARDIAN_PSK_FILE. */
  readonly pskFile: string | null
  readonly keys: 'derived' | 'shared'
  readonly v1PskFile: string | null
  readonly tls: TlsFiles | null
  readonly dials: ReadonlyMap<string, HostDial>
  readonly probes: ReadonlyMap<string, ProbeSpec>
  readonly plan: FleetPlan
  /** Where promql gates and probes of rollouts are asked. */
  readonly prometheus: string | null
  readonly api: {
    readonly listen: { readonly address: string; readonly port: number } | null
    readonly tokens: readonly TokenFile[]
  }
  readonly heartbeat: { readonly everyMs: number; readonly lostMs: number }
  readonly log: { readonly level: string }
}

export const defaultConfigFile = '/etc/guardian/coordinator.json'

const checkedFile = v.pipe(
  coordinatorFile,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const refusal of crossCheck(dataset.value)) addIssue(refusal)
  }),
)

/**
 * Reads and decodes coordinator.json, and none of the files that it names: a gate needs few of them. Every refusal names
 * the file and the path in it.
 */
export async function loadCoordinatorConfig(file: string): Promise<CoordinatorConfig> {
  return configOf(file, await readConfig(file, checkedFile))
}

/** The same for what is in no file yet. */
export function decodeCoordinatorConfig(source: string, input: unknown): CoordinatorConfig {
  return configOf(source, decodeConfig(source, input, checkedFile))
}

function configOf(file: string, from: CoordinatorFile): CoordinatorConfig {
  return {
    file,
    stateDir: from.stateDir,
    runtimeDir: from.runtimeDir,
    gateDir: from.gateDir,
    bootIdFile: from.bootIdFile,
    pskFile: from.pskFile ?? null,
    keys: from.keys,
    v1PskFile: from.v1PskFile ?? null,
    tls: from.tls ?? null,
    dials: dialsOf(from),
    probes: probesOf(from),
    plan: planOf(from),
    prometheus: from.rebuilds.prometheus ?? null,
    api: { listen: from.api.listen ?? null, tokens: from.api.tokens },
    heartbeat: { everyMs: from.heartbeat.every, lostMs: from.heartbeat.lost },
    log: from.log,
  }
}

function dialsOf(from: CoordinatorFile): ReadonlyMap<string, HostDial> {
  const dials = new Map<string, HostDial>()
  for (const [host, entry] of Object.entries(from.hosts)) {
    const { address, port, protocol, keyName = host } = entry
    dials.set(host, { host, address, port, protocol, keyName })
  }
  return dials
}

function probesOf(from: CoordinatorFile): ReadonlyMap<string, ProbeSpec> {
  const probes = new Map<string, ProbeSpec>()
  for (const [name, { probe }] of Object.entries(from.resources)) if (probe !== undefined) probes.set(name, probe)
  return probes
}

function planOf(from: CoordinatorFile): FleetPlan {
  const targets = targetPlans(from)
  const hosts = Object.entries(from.hosts).map(([name, entry]) => {
    const spec = { name, address: entry.address, tags: entry.tags, protocol: entry.protocol }
    return [name, { ...spec, targets: entry.targets ?? [...targets.keys()] }] as const
  })
  return {
    hosts: new Map(hosts),
    targets,
    resources: new Map(Object.entries(from.resources).map(([name, entry]) => [name, resourcePlan(name, entry)])),
    unreachableGraceMs: from.unreachableGrace,
    resendMs: 1_000,
    rebuilds: rebuildPlanOf(from.rebuilds),
  }
}

function targetPlans(from: CoordinatorFile): ReadonlyMap<string, TargetPlan> {
  if (from.targets === undefined) {
    const needs = Object.keys(from.resources)
    const plan = { name: 'io-databases', needs, waves: [], drainLimitMs: 90_000, undrainLimitMs: 90_000 }
    return new Map([[plan.name, plan]])
  }
  const plans = Object.entries(from.targets).map(([name, entry]) => {
    const { needs, waves, drainDeadline: drainLimitMs, undrainDeadline: undrainLimitMs } = entry
    return [name, { name, needs, waves, drainLimitMs, undrainLimitMs }] as const
  })
  return new Map(plans)
}

function resourcePlan(name: string, entry: CoordinatorFile['resources'][string]): ResourcePlan {
  return {
    name,
    gate: entry.gate === 'local' ? { limitMs: entry.gateDeadline } : null,
    probed: entry.probe !== undefined,
    units: entry.units,
  }
}
