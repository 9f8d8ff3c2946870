import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { type CoordinatorConfig, loadCoordinatorConfig } from '../coordinator/config.ts'
import { duration } from '../protocol/duration.ts'
import { GuardianError } from '../protocol/errors.ts'

/** What a gate must know; `config` is null where only the bare bones could be read. */
export interface Setup {
  readonly gateDir: string
  readonly runtimeDir: string
  readonly bootIdFile: string
  readonly limitMs: number
  readonly config: CoordinatorConfig | null
}

const bones = v.object({
  gateDir: v.optional(v.string(), '/run/io-guardian-gate'),
  runtimeDir: v.optional(v.string(), '/run/io-guardian-coordinator'),
  bootIdFile: v.optional(v.string(), '/proc/sys/kernel/random/boot_id'),
  resources: v.optional(v.record(v.string(), v.object({ gateDeadline: v.optional(duration, '90s') })), {}),
})

/**
 * A mistake in the file must not let a database stop under its dependents: the daemon may still run with the file as
 * it was, so the gate goes on with what can be read and `troubled` is told why.
 * @throws GuardianError where the file is right and the resource has no gate here
 */
export async function readSetup(
  file: string,
  resource: string,
  troubled: (cause: GuardianError) => void,
): Promise<Setup> {
  try {
    return setupOf(await loadCoordinatorConfig(file), resource)
  } catch (cause) {
    if (!(cause instanceof GuardianError) || cause.code !== 'bad-config') throw cause
    troubled(cause)
    const { resources, ...places } = await readBones(file)
    return { ...places, limitMs: resources[resource]?.gateDeadline ?? 90_000, config: null }
  }
}

function setupOf(config: CoordinatorConfig, resource: string): Setup {
  const plan = config.plan.resources.get(resource)
  if (plan === undefined) {
    const known = [...config.plan.resources.keys()].join(', ') || 'none'
    throw new GuardianError('unknown-resource', `${config.file}: no resource is named ${resource}; there is ${known}`)
  }
  if (plan.gate === null) {
    throw new GuardianError(
      'not-local',
      `${config.file}: resources.${resource}.gate must be "local" for a gate on this host`,
    )
  }
  const { gateDir, runtimeDir, bootIdFile } = config
  return { gateDir, runtimeDir, bootIdFile, limitMs: plan.gate.limitMs, config }
}

async function readBones(file: string): Promise<v.InferOutput<typeof bones>> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), bones), text)
  return result.success ? result.output : v.parse(bones, {})
}
