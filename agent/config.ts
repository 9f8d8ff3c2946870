import { hostname } from 'node:os'
import * as v from 'valibot'
import { build } from '../daemon/build.ts'
import { kernelBootId } from '../daemon/clock.ts'
import { decodeConfig, readConfig } from '../daemon/config-file.ts'
import { type ProbeSpec, probeSpec } from '../daemon/probe.ts'
import { duration } from '../protocol/duration.ts'
import { limits } from '../protocol/limits.ts'
import { hostName, resourceName, targetName, unitName } from '../protocol/names.ts'
import type { SightPlaces } from './adapters/job-sight.ts'
import { crossCheck } from './config-checks.ts'
import type { Policy, TargetSpec } from './core/state.ts'

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4_096))
const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))
const address = v.pipe(v.string(), v.regex(/^[A-Za-z0-9.:_-]{1,255}$/, 'must be an IP address or a host name'))
const bus = v.pipe(
  v.string(),
  v.regex(/^(system|private|user|unix:path=.+)$/, 'must be "system", "private", "user" or "unix:path=SOCKET"'),
)
const units = v.pipe(v.array(unitName), v.maxLength(limits.dependentsMax))

const targetEntry = v.strictObject({
  /** Absent means the target's name with `.target`. */
  unit: v.optional(unitName),
  needs: v.optional(v.array(resourceName), []),
  /** Stopped with the target, whether they hang on it or not. */
  dependents: v.optional(units, []),
  allowLeftovers: v.optional(units, []),
  enforce: v.optional(v.boolean(), false),
})

/** What stands in agent.json, before cross-checks. */
export const agentFile = v.strictObject({
  /** Absent means the name that the machine has. */
  host: v.optional(hostName),
  listen: v.optional(v.strictObject({ address: v.optional(address, '0.0.0.0'), port: v.optional(port, 9876) }), {}),
  pskFile: v.optional(path),
  tls: v.optional(v.strictObject({ cert: path, key: path, ca: path })),
  acceptV1: v.optional(v.boolean(), false),
  /** A file of its own, or `shared` for the keys of v2. */
  v1PskFile: v.optional(path),
  bus: v.optional(bus, 'system'),
  stateDir: v.optional(path, '/var/lib/io-guardian'),
  runtimeDir: v.optional(path, '/run/io-guardian'),
  bootIdFile: v.optional(path, kernelBootId),
  /** Absent means `io-databases`, which needs every resource. */
  targets: v.optional(v.pipe(v.record(targetName, targetEntry), v.maxEntries(limits.targetsMax))),
  resources: v.optional(v.pipe(v.record(resourceName, probeSpec), v.maxEntries(limits.probesMax)), {}),
  expectCoordinator: v.optional(v.boolean(), true),
  bootWithoutCoordinator: v.optional(v.union([v.literal('never'), duration]), '5min'),
  onCoordinatorLost: v.optional(v.picklist(['keep', 'probe']), 'probe'),
  lostAfter: v.optional(duration, '30s'),
  /** Absent means that no coordinator may rebuild this host. The rest is root's to say, in rebuild.json. */
  rebuild: v.optional(
    v.strictObject({
      resultsDir: v.optional(path, '/var/lib/io-guardian-rebuild'),
      profile: v.optional(path, '/nix/var/nix/profiles/system'),
      runDir: v.optional(path, '/run'),
      root: v.optional(path, '/'),
    }),
  ),
  log: v.optional(
    v.strictObject({ level: v.optional(v.picklist(['trace', 'debug', 'info', 'warn', 'error', 'fatal']), 'info') }),
    {},
  ),
})
export type AgentFile = v.InferOutput<typeof agentFile>

export interface TargetPlan {
  readonly spec: TargetSpec
  readonly dependents: readonly string[]
}

export interface AgentConfig {
  /** For a person: the file, or the command line. */
  readonly source: string
  readonly listen: { readonly address: string; readonly port: number }
  /** null where the key comes as a systemd credential or by GUARDIAN_PSK_FILE. */
  readonly pskFile: string | null
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string } | null
  /** Whose keys a v1 client may have: nobody's, those of v2, or those of a file. */
  readonly v1: 'off' | 'shared' | { readonly file: string }
  readonly bus: string
  readonly stateDir: string
  readonly runtimeDir: string
  readonly bootIdFile: string
  readonly targets: readonly TargetPlan[]
  readonly resources: ReadonlyMap<string, ProbeSpec>
  readonly policy: Policy
  /** Where a rebuild shows what it does; null where this host takes none. */
  readonly rebuild: SightPlaces | null
  readonly log: { readonly level: string }
}

export const defaultConfigFile = '/etc/guardian/agent.json'

const checkedFile = v.pipe(
  agentFile,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const refusal of crossCheck(dataset.value)) addIssue(refusal)
  }),
)

/** Reads and decodes agent.json; every refusal names the file and the path in it. */
export async function loadAgentConfig(file: string): Promise<AgentConfig> {
  return configOf(file, await readConfig(file, checkedFile))
}

/** Decodes what was put together from flags and the environment. */
export function decodeAgentConfig(source: string, input: unknown): AgentConfig {
  return configOf(source, decodeConfig(source, input, checkedFile))
}

function configOf(source: string, from: AgentFile): AgentConfig {
  const { listen, bus: busName, stateDir, runtimeDir, bootIdFile, log } = from
  return {
    source,
    listen,
    pskFile: from.pskFile ?? null,
    tls: from.tls ?? null,
    v1: v1Of(from),
    bus: busName,
    stateDir,
    runtimeDir,
    bootIdFile,
    targets: targetsOf(from),
    resources: new Map(Object.entries(from.resources)),
    policy: policyOf(from),
    rebuild: from.rebuild ?? null,
    log,
  }
}

function v1Of({ acceptV1, v1PskFile }: AgentFile): AgentConfig['v1'] {
  if (!acceptV1 || v1PskFile === undefined) return 'off'
  return v1PskFile === 'shared' ? 'shared' : { file: v1PskFile }
}

function targetsOf({ targets, resources }: AgentFile): readonly TargetPlan[] {
  const all = targets ?? { 'io-databases': v.parse(targetEntry, { needs: Object.keys(resources) }) }
  return Object.entries(all).map(([name, { unit = `${name}.target`, needs, enforce, allowLeftovers, dependents }]) => ({
    spec: { name, unit, needs, enforce, allowLeftovers },
    dependents,
  }))
}

function policyOf(from: AgentFile): Policy {
  const { expectCoordinator, bootWithoutCoordinator, onCoordinatorLost, lostAfter } = from
  return {
    host: from.host ?? machineName(),
    build,
    expectCoordinator,
    bootWithoutCoordinatorMs: bootWithoutCoordinator === 'never' ? null : bootWithoutCoordinator,
    onCoordinatorLost,
    lostAfterMs: lostAfter,
  }
}

function machineName(): string {
  return hostname().split('.')[0] || 'localhost'
}
