import * as v from 'valibot'
import { GuardianError } from '../../protocol/errors.ts'
import { branchedFlake, pinnedFlake } from '../../protocol/rollout/flake.ts'
import { revision, storePath } from '../../protocol/rollout/policy.ts'
import type { Context } from '../context.ts'
import { runChild } from './child.ts'

export interface NixParts {
  readonly context: Context
  readonly heard: (line: string) => void
}

const features = ['--extra-experimental-features', 'nix-command flakes']

/** As `nix flake metadata --json` prints it; a tree with uncommitted changes has no revision. */
const flakeMetadata = v.object({
  revision: v.optional(revision),
  locked: v.optional(v.object({ rev: v.optional(revision) })),
})

/** A branch, a tag, or where nothing is named what the flake's reference means, as the revision that it is now. */
export async function resolveRevision(parts: NixParts, flake: string, ref: string | undefined): Promise<string> {
  if (ref !== undefined && v.is(revision, ref)) return ref
  const at = ref === undefined ? flake : branchedFlake(flake, ref)
  const text = await nix(parts, ['flake', 'metadata', '--json', ...features, at])
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), flakeMetadata), text)
  if (!result.success)
    throw new GuardianError('internal', `nix flake metadata ${at} answered what this guardian cannot read`)
  const found = result.output.revision ?? result.output.locked?.rev
  if (found !== undefined) return found
  throw new GuardianError(
    'bad-config',
    `${at} has no revision, so nobody could say later what was rolled out: commit what is not committed, or name a git reference`,
  )
}

/**
 * Builds the systems of these hosts in one call, and resolves with the path of each.
 * @throws GuardianError `blocked` where a build fails, or where no system has a host's name
 */
export async function buildSystems(
  parts: NixParts,
  at: { readonly flake: string; readonly revision: string },
  hosts: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const flake = pinnedFlake(at.flake, at.revision)
  const wanted = hosts.map((host) => `${flake}#nixosConfigurations.${attribute(host)}.config.system.build.toplevel`)
  const text = await nix(parts, ['build', '--no-link', '--print-out-paths', ...features, ...wanted])
  const paths = text.split('\n').filter((line) => line !== '')
  // By the name that each path has: in what order they are printed nobody promises.
  const named = new Map(paths.flatMap((path) => hostsNamed(path, hosts).map((host) => [host, path] as const)))
  const missing = hosts.find((host) => !named.has(host))
  if (missing !== undefined) throw misnamed(missing, paths)
  return systemsOf(hosts.map((host) => [host, named.get(host)]))
}

/** Brings systems to a binary cache. */
export async function copySystems(parts: NixParts, to: string, paths: readonly string[]): Promise<void> {
  await nix(parts, ['copy', ...features, '--to', to, ...paths])
}

/** Gives the paths to a command of the operator, as its arguments. */
export async function pushSystems(
  { context, heard }: NixParts,
  command: string,
  paths: readonly string[],
): Promise<void> {
  const missing = 'a shell is needed for --push'
  await runChild(context, 'sh', ['-c', `${command} "$@"`, command, ...paths], { heard, missing })
}

/** @throws GuardianError that names the host whose system is no path of the Nix store */
export function systemsOf(
  pairs: readonly (readonly [host: string, path: string | undefined])[],
): Record<string, string> {
  for (const [host, path] of pairs)
    if (!v.is(storePath, path)) throw new GuardianError('bad-request', `${host}: ${path} is no path of the Nix store`)
  return Object.fromEntries(pairs.flatMap(([host, path]) => (path === undefined ? [] : [[host, path]])))
}

function nix({ context, heard }: NixParts, args: readonly string[]): Promise<string> {
  const missing = 'plan where Nix is, or give --systems (and with it --rev, 40 hex digits)'
  return runChild(context, 'nix', args, { heard, missing })
}

function attribute(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name) ? name : JSON.stringify(name)
}

/** The host whose name a system has: the longest that fits, for `db` is a beginning of `db-1`. */
function hostsNamed(path: string, hosts: readonly string[]): readonly string[] {
  const fits = hosts.filter((host) => path.includes(`-nixos-system-${host}-`))
  const longest = Math.max(...fits.map(({ length }) => length))
  return fits.filter(({ length }) => length === longest)
}

function misnamed(host: string, paths: readonly string[]): GuardianError {
  return new GuardianError(
    'blocked',
    `none of the systems that were built is named after ${host} (${paths.join(', ')}): set networking.hostName = "${host}" in its configuration; a host refuses the system of another one`,
  )
}
