import { GuardianError } from '../protocol/errors.ts'
import { createContext } from './context.ts'
import { readCommandLine } from './program.ts'
import { settingsOf } from './settings.ts'
import { processWorld, type World } from './world.ts'

/** `guardian ctl …`; `argv` is what follows `ctl`. */
export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await runCtl(argv, processWorld())
}

/** Resolves with the exit code. */
export async function runCtl(argv: readonly string[], world: World): Promise<number> {
  const [first] = argv
  if (first === '__complete') {
    const { completeNames } = await import('./complete-names.ts')
    return completeNames(argv.slice(1), world)
  }
  const asked = await readCommandLine(asIoGuardian(argv), world)
  if (asked.is === 'answered') return asked.exit
  const interrupted = new AbortController()
  const forget = world.onInterrupt(() => interrupted.abort())
  try {
    const settings = settingsOf(asked.options, world.env)
    const { run } = await asked.row.load()
    return await run(createContext(world, settings, interrupted.signal), asked.args, asked.options)
  } catch (cause) {
    const unsaid = cause instanceof GuardianError && cause.fields.sent === 'no'
    if (interrupted.signal.aborted && unsaid) return asked.exits.interrupted
    tell(cause, world, asked.options)
    return asked.exits.ofCause(cause)
  } finally {
    forget()
  }
}

function tell(cause: unknown, world: World, options: unknown): void {
  const isJson = typeof options === 'object' && options !== null && 'json' in options && options.json === true
  const [code, message] = cause instanceof GuardianError ? [cause.code, cause.message] : ['internal', String(cause)]
  if (isJson) world.out.write(`${JSON.stringify({ error: { code, message } })}\n`)
  world.err.write(
    cause instanceof GuardianError ? `guardian ctl: ${message}\n` : `guardian ctl: a bug: ${stackOf(cause)}\n`,
  )
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
}

/** IO Guardian's client was told by `--action drain --fail-fast`; its lines go on working after `guardian ctl --direct`. */
export function asIoGuardian(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((word) => word === '--action' || word.startsWith('--action='))
  if (at === -1) return argv
  const word = argv[at] ?? ''
  const joined = word.includes('=')
  const action = joined ? word.slice('--action='.length) : (argv[at + 1] ?? '')
  const asked = [...argv.slice(0, at), action, ...argv.slice(at + (joined ? 1 : 2))]
  return asked.filter((one) => one !== '--fail-fast')
}
