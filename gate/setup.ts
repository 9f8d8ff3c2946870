import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { type CoordinatorConfig, loadCoordinatorConfig } from '../coordinator/config.ts'
import { kernelBootId } from '../daemon/clock.ts'
import { duration } from '../protocol/duration.ts'
import { GuardianError } from '../protocol/errors.ts'

/** What a gate must know. */
export interface Setup {
  readonly gateDir: string
  readonly runtimeDir: string
  readonly bootIdFile: string
  readonly limitMs: number
  /** In its place, why the gate cannot order agents itself: the file is broken, or right and has no such gate. */
  readonly config: CoordinatorConfig | GuardianError
}

const bones = v.object({
  gateDir: v.optional(v.string(), '/run/io-guardian-gate'),
  runtimeDir: v.optional(v.string(), '/run/io-guardian-coordinator'),
  bootIdFile: v.optional(v.string(), kernelBootId),
  resources: v.optional(v.record(v.string(), v.object({ gateDeadline: v.optional(duration, '90s') })), {}),
})

/**
 * What the file says must not let a database stop under its dependents: the daemon may still run with the file as it
 * was, so the gate goes on with what can be read and `troubled` is told why.
 */
export async function readSetup(
  file: string,
  resource: string,
  troubled: (cause: GuardianError) => void,
): Promise<Setup> {
  try {
    return setupOf(await loadCoordinatorConfig(file), resource)
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
    troubled(cause)
    const { resources, ...places } = await readBones(file)
    return { ...places, limitMs: resources[resource]?.gateDeadline ?? 90_000, config: cause }
  }
}

function setupOf(config: CoordinatorConfig, resource: string): Setup {
  const plan = config.plan.resources.get(resource)
  const orElse = `or disable io-guardian-gate@${resource}.service`
  if (plan === undefined) {
    const known = [...config.plan.resources.keys()].join(', ') || 'none'
    const text = `no resource is named ${resource}; there is ${known}: name it there, ${orElse}`
    throw new GuardianError('unknown-resource', `${config.file}: ${text}`)
  }
  if (plan.gate === null) {
    const text = `resources.${resource}.gate must be "local" for a gate on this host: set it, ${orElse}`
    throw new GuardianError('not-local', `${config.file}: ${text}`)
  }
  const { gateDir, runtimeDir, bootIdFile } = config
  return { gateDir, runtimeDir, bootIdFile, limitMs: plan.gate.limitMs, config }
}

async function readBones(file: string): Promise<v.InferOutput<typeof bones>> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), bones), text)
  return result.success ? result.output : v.parse(bones, {})
}
