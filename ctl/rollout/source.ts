import { readFile, realpath } from 'node:fs/promises'
import * as v from 'valibot'
import { fleetStatus } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { selectorText } from '../../protocol/hold.ts'
import { limits } from '../../protocol/limits.ts'
import { hostName } from '../../protocol/names.ts'
import type { PlanRequest, PolicyList } from '../../protocol/rollout/api.ts'
import { parseSelector } from '../../protocol/selector.ts'
import { someOf } from '../render/style.ts'
import type { RolloutClient } from './client.ts'
import { buildSystems, copySystems, type NixParts, pushSystems, resolveRevision, systemsOf } from './nix.ts'
import type { PlanOptions } from './plan-options.ts'

type Policy = PolicyList[number]

/** The policy that was named, the only one, or the one named `default`. */
export function policyNamed(policies: PolicyList, name: string | undefined): Policy {
  const names = policies.map((policy) => policy.name)
  if (names.length === 0)
    throw new GuardianError(
      'unknown-policy',
      'the coordinator has no policy: see rebuilds.policies in its configuration',
    )
  const wanted = name ?? (names.length === 1 ? names[0] : 'default')
  const found = policies.find((policy) => policy.name === wanted)
  if (found !== undefined) return found
  const said = name === undefined ? 'several policies, none of them default' : `no policy ${name}`
  throw new GuardianError('unknown-policy', `${said}: give --policy with one of ${someOf(names)}`)
}

export interface Sourced {
  readonly selector: string
  readonly source: PlanRequest['source']
}

/** Works out what is to be rolled out where: builds it, or takes what was built elsewhere, or names what hosts build. */
export async function sourceOf(
  nix: NixParts,
  client: RolloutClient,
  policy: Policy,
  options: PlanOptions,
): Promise<Sourced> {
  if (options.systems.length > 0) return givenSystems(client, policy, options)
  const flake = options.flake ?? policy.flake
  if (flake === null)
    throw new GuardianError(
      'bad-request',
      `policy ${policy.name} names no flake: give --flake, or --systems that are built`,
    )
  nix.heard(`resolving ${flake}`)
  const revision = await resolveRevision(nix, flake, options.rev)
  const selector = options.on ?? '*'
  if (policy.mode === 'flake') return { selector, source: { mode: 'flake', flake, revision } }
  const hosts = await selectedHosts(client, policy, options.on)
  nix.heard(`building ${hosts.length} systems at ${revision.slice(0, 8)}`)
  const systems = await buildSystems(nix, { flake, revision }, hosts)
  await publish(nix, options, [...new Set(Object.values(systems))])
  return { selector, source: { mode: 'closure', systems, revision } }
}

async function publish(nix: NixParts, { copyTo, push }: PlanOptions, paths: readonly string[]): Promise<void> {
  if (copyTo !== undefined) await copySystems(nix, copyTo, paths)
  if (push !== undefined) await pushSystems(nix, push, paths)
}

async function givenSystems(client: RolloutClient, policy: Policy, options: PlanOptions): Promise<Sourced> {
  if (policy.mode === 'flake')
    throw new GuardianError('bad-request', `hosts of policy ${policy.name} build themselves: leave --systems out`)
  const { rev } = options
  if (rev !== undefined && !/^[0-9a-f]{40}$/.test(rev))
    throw new GuardianError('bad-request', '--rev beside --systems only says what was built: give all 40 hex digits')
  const pairs = (await Promise.all(options.systems.map(readSystems))).flat()
  const hosts = await selectedHosts(client, policy, options.on)
  const strangers = pairs.map(([host]) => host).filter((host) => !stageHosts(policy).includes(host))
  if (strangers.length > 0)
    throw new GuardianError('unknown-host', `policy ${policy.name} has no ${someOf(strangers)}: see guardian ctl hosts`)
  const systems = systemsOf(pairs.filter(([host]) => hosts.includes(host)))
  const source = { mode: 'closure' as const, systems, ...(rev !== undefined && { revision: rev }) }
  return { selector: options.on ?? selectorFor(Object.keys(systems), hosts), source }
}

/** Hosts without a system are not meant. */
function selectorFor(named: readonly string[], hosts: readonly string[]): string {
  const selector = hosts.every((host) => named.includes(host)) ? '*' : named.join(',')
  if (v.is(selectorText, selector)) return selector
  throw new GuardianError(
    'bad-request',
    `${named.length} names are more than the ${limits.messageLength} signs of a selector: choose these hosts with --on`,
  )
}

/** `web1=/nix/store/…`, `web1=./result`, or a file with an object of such pairs in JSON. */
async function readSystems(word: string): Promise<readonly (readonly [host: string, path: string])[]> {
  const [, host, path] = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)$/.exec(word) ?? []
  if (host !== undefined && path !== undefined) return [[host, await real(path)]]
  const text = await readFile(word, 'utf8').catch((cause: unknown) => {
    throw new GuardianError(
      'bad-request',
      `--systems ${word}: neither HOST=PATH nor a file that can be read`,
      {},
      { cause },
    )
  })
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), v.record(hostName, v.string())), text)
  if (!result.success)
    throw new GuardianError('bad-request', `--systems ${word}: must hold one JSON object, {"web1": "/nix/store/…"}`)
  return Promise.all(Object.entries(result.output).map(async ([name, at]) => [name, await real(at)] as const))
}

/** A store path is taken as it is, for it may lie on another machine; `./result` is what it leads to. */
async function real(path: string): Promise<string> {
  return path.startsWith('/nix/store/') ? path : realpath(path).catch(() => path)
}

function stageHosts(policy: Policy): readonly string[] {
  return policy.stages.flatMap(({ hosts }) => hosts)
}

async function selectedHosts(
  client: RolloutClient,
  policy: Policy,
  on: string | undefined,
): Promise<readonly string[]> {
  const all = stageHosts(policy)
  const hosts = on === undefined ? all : all.filter(await matching(client, on))
  if (hosts.length > 0) return hosts
  throw new GuardianError('nothing-selected', `${on ?? 'policy'} selects none of the hosts of policy ${policy.name}`)
}

async function matching(client: RolloutClient, on: string): Promise<(host: string) => boolean> {
  const matches = parseSelector(on)
  const { hosts } = await client.api.get('/v1/status', fleetStatus)
  const chosen = new Set(hosts.filter(matches).map(({ name }) => name))
  return (host) => chosen.has(host)
}
