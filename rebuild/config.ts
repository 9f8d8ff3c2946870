import { stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import * as v from 'valibot'
import { readConfig } from '../daemon/config-file.ts'
import { GuardianError } from '../protocol/errors.ts'
import { hostName } from '../protocol/names.ts'
import { flakeRef } from '../protocol/rollout/policy.ts'

const path = v.pipe(v.string(), v.regex(/^\/[^\s"'\\%$]*$/, 'must be an absolute path without blanks and quotes'))
const weight = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000))
const mebibytes = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000))
const pattern = v.pipe(v.string(), v.maxLength(200), v.check(isPattern, 'must be a regular expression'))

/** What stands in rebuild.json: what a rebuild of this host may be, whoever orders it. */
export const rebuildFile = v.strictObject({
  /** Whose systems are for this host: what their etc/hostname says, and the attribute of the flake. */
  host: v.optional(hostName),
  /** `signed`: a given system bears a signature of a key that this host's Nix trusts; `any` where no user may add to the store. */
  closure: v.optional(v.picklist(['signed', 'any', 'never']), 'signed'),
  /** Built from here, each as it stands in the order; none is allowed by itself. */
  flakes: v.optional(v.array(flakeRef), []),
  revisions: v.optional(pattern, '^[0-9a-f]{40}$'),
  profile: v.optional(path, '/nix/var/nix/profiles/system'),
  boot: v.optional(path, '/boot'),
  /** Free space below which nothing is begun. */
  freeMiB: v.optional(v.strictObject({ nix: v.optional(mebibytes, 1_024), boot: v.optional(mebibytes, 64) }), {}),
  cpuWeight: v.optional(weight, 20),
  cpuQuota: v.optional(v.pipe(v.string(), v.regex(/^[1-9][0-9]{0,4}%$/, 'must be a share such as "65%"')), '65%'),
  ioWeight: v.optional(weight, 20),
  /** The API of the coordinator, where it runs on this host. */
  coordinator: v.optional(path, '/run/io-guardian-coordinator/api.sock'),
  stateDir: v.optional(path, '/var/lib/io-guardian-rebuild'),
  agentStateDir: v.optional(path, '/var/lib/io-guardian'),
  rootsDir: v.optional(path, '/nix/var/nix/gcroots/guardian'),
  runDir: v.optional(path, '/run'),
  bootIdFile: v.optional(path, '/proc/sys/kernel/random/boot_id'),
  /** Before every path of the machine that is rebuilt. */
  root: v.optional(path, '/'),
})
export type RebuildFile = v.InferOutput<typeof rebuildFile>

export interface RebuildConfig extends Omit<RebuildFile, 'host'> {
  readonly source: string
  readonly host: string
}

export const defaultConfigFile = '/etc/guardian/rebuild.json'

/** @throws GuardianError `bad-config` where the file is not right, or somebody else than its owner may write it */
export async function loadRebuildConfig(file: string): Promise<RebuildConfig> {
  const from = await readConfig(file, rebuildFile)
  const { uid, mode } = await stat(file)
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0)
    throw new GuardianError(
      'bad-config',
      `${file}: must belong to user id ${process.getuid?.()} and be writable by it alone`,
    )
  return { ...from, source: file, host: from.host ?? hostname().split('.')[0] ?? 'localhost' }
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    return false
  }
}
