import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { monotonicMs } from '../daemon/clock.ts'
import { errors, GuardianError } from '../protocol/errors.ts'
import { resourceName } from '../protocol/names.ts'
import type { GateLog } from './report.ts'

const defaultConfigFile = '/etc/guardian/coordinator.json'

const help = `Usage: guardian gate up|down RESOURCE [--config FILE]

Run by io-guardian-gate@RESOURCE.service on the host that has the resource, in
step with the units that hold the data.

  up     records that the resource is there and tells the coordinator; waits
         for no host (ExecStart)
  down   records that it is about to stop, and returns when every host that
         needs it is drained, or the gate's time (gateDeadline) is over
         (ExecStopPost). Where the coordinator does not answer, refuses or is
         lost on the way, it orders the agents itself.

Options:
  --config FILE   the coordinator's configuration (${defaultConfigFile})

Exit codes of down:
  0  every host is drained       3  some failed, or could not persist it
  4  some are unreachable        5  the time was over first
  6  refused                     2  wrong usage or configuration
  9  ended from outside          1  a bug

Examples:
  guardian gate up postgresql
  guardian gate down postgresql
`

/** `guardian gate …`; `argv` is what follows `gate`. */
export async function main(argv: readonly string[]): Promise<void> {
  const startedMs = monotonicMs() - Math.round(process.uptime() * 1_000)
  const asked = readArguments(argv)
  if (asked === 'help') {
    process.stdout.write(help)
    return
  }
  const { createLog } = await import('../daemon/log.ts')
  const ended = new AbortController()
  const end = (): void => ended.abort()
  process.once('SIGTERM', end).once('SIGINT', end)
  try {
    const parts = { startedMs, env: process.env, signal: ended.signal }
    process.exitCode = await runGate(asked, { ...parts, log: createLog({ name: 'gate' }) })
  } finally {
    process.off('SIGTERM', end).off('SIGINT', end)
  }
}

export interface Asked {
  readonly state: 'up' | 'down'
  readonly resource: string
  readonly config: string
}

interface RunParts {
  readonly startedMs: number
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  readonly log: GateLog
  readonly silenceMs?: number
}

/** Resolves with the exit code. */
export async function runGate({ state, resource, config }: Asked, parts: RunParts): Promise<number> {
  const { log } = parts
  const [{ readSetup }, { gateDown, gateUp }] = await Promise.all([import('./setup.ts'), import('./gate.ts')])
  try {
    const setup = await readSetup(config, resource, (cause) => {
      log.error({ resource }, `goes on with what can be read of the configuration: ${cause.message}`)
    })
    const gate = { ...parts, resource, setup }
    return state === 'up' ? await gateUp(gate) : await gateDown(gate)
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
    log.error({ resource }, cause.message)
    return errors[cause.code].exit
  }
}

/** @throws GuardianError `bad-request` */
export function readArguments(argv: readonly string[]): Asked | 'help' {
  const { values, positionals } = parse(argv)
  if (values.help === true) return 'help'
  const [state, resource, ...rest] = positionals
  if ((state !== 'up' && state !== 'down') || resource === undefined || rest.length > 0) {
    throw new GuardianError(
      'bad-request',
      'guardian gate: use guardian gate up|down RESOURCE [--config FILE]; see --help',
    )
  }
  if (!v.is(resourceName, resource)) {
    throw new GuardianError('bad-request', `guardian gate: ${JSON.stringify(resource)} is no name of a resource`)
  }
  return { state, resource, config: values.config ?? defaultConfigFile }
}

function parse(argv: readonly string[]) {
  try {
    const options = { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
    return parseArgs({ args: [...argv], options, allowPositionals: true })
  } catch (cause) {
    throw new GuardianError(
      'bad-request',
      `guardian gate: ${cause instanceof Error ? cause.message : String(cause)}; see --help`,
    )
  }
}
