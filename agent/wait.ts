import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { monotonicMs } from '../daemon/clock.ts'
import { parseDuration } from '../protocol/duration.ts'
import { GuardianError } from '../protocol/errors.ts'
import { askAgent } from './adapters/local-question.ts'
import { type AgentConfig, decodeAgentConfig, defaultConfigFile, loadAgentConfig, type TargetPlan } from './config.ts'
import { decideByFiles } from './wait-by-files.ts'

const help = `Ends when a target of this host may open; the unit wait-for-<target>.service runs it.

Usage: guardian wait [--target NAME] [--config FILE] [--timeout DURATION]

  --target NAME        which one (default: the only one that is configured)
  --config FILE        the agent's configuration (${defaultConfigFile}, where it exists)
  --timeout DURATION   give up after so long, "5min" (default: never; the unit has a timeout of its own)
  --state-dir DIR      where there is no file: as the agent was started with (GUARDIAN_STATE_DIR)
  --runtime-dir DIR    the same (GUARDIAN_RUNTIME_DIR)

It asks the agent, which answers once this boot has decided to open the target: the coordinator's
word where one is expected, no hold, resources ready. Where no agent answers it decides by the same
rules and the same files, and says so.

Exit codes: 0 may open, 2 wrong usage or configuration, 5 timeout, 6 drained and no agent answers;
a signal never ends it with 0.
`

// An agent that restarts is back sooner.
const absentLimitMs = 5_000
const pauseMinMs = 100
const pauseMaxMs = 2_000

/** `guardian wait`; `argv` is what follows it. */
export async function main(argv: readonly string[]): Promise<void> {
  const given = parse(argv)
  if (given.help === true) {
    process.stdout.write(help)
    return
  }
  const config = await loadConfig(given)
  const plan = planOf(config, given.target)
  const signal =
    given.timeout === undefined ? new AbortController().signal : AbortSignal.timeout(limitOf(given.timeout))
  const reason = await waitOpen({ config, plan, signal, say, absentLimitMs })
  say(`${plan.spec.name} may open: ${reason}`)
}

export interface Waiting {
  readonly config: AgentConfig
  readonly plan: TargetPlan
  readonly signal: AbortSignal
  readonly say: (text: string) => void
  /** How long nobody may answer before the files decide. */
  readonly absentLimitMs: number
}

/** Resolves with the reason when the target may open. @throws GuardianError `held` or `deadline` */
export async function waitOpen(waiting: Waiting): Promise<string> {
  const { config, plan, signal, say } = waiting
  const startedMs = monotonicMs()
  let absentSinceMs: number | null = null
  let pauseMs = pauseMinMs
  let said = ''
  while (!signal.aborted) {
    const reply = await askAgent(config.runtimeDir, plan.spec.name, signal).catch(unlessAborted(signal))
    if (reply === 'open') return 'the agent says so'
    // Whoever answered at all is an agent, which comes back.
    absentSinceMs = reply === 'absent' ? (absentSinceMs ?? monotonicMs()) : null
    if (reply === 'lost') pauseMs = pauseMinMs
    if (absentSinceMs !== null && monotonicMs() - absentSinceMs >= waiting.absentLimitMs) {
      const { is, reason } = await decideByFiles(config, plan, monotonicMs() - startedMs, signal)
      if (is === 'open') return `no agent answers, and ${reason}`
      if (is === 'shut') throw new GuardianError('held', `${plan.spec.name}: no agent answers, and ${reason}`)
      if (reason !== said) say(`no agent answers; ${reason}`)
      said = reason
    }
    await pause(pauseMs, null, { signal }).catch(() => {})
    pauseMs = Math.min(pauseMaxMs, pauseMs * 2)
  }
  const why = said === '' ? 'the agent has not said that it may' : said
  throw new GuardianError('deadline', `${plan.spec.name} may not open yet: ${why}`)
}

function unlessAborted(signal: AbortSignal) {
  return (cause: unknown): 'lost' => {
    if (signal.aborted) return 'lost'
    throw cause
  }
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        target: text,
        config: text,
        timeout: text,
        'state-dir': text,
        'runtime-dir': text,
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
}

async function loadConfig(given: ReturnType<typeof parse>): Promise<AgentConfig> {
  const { env } = process
  const stateDir = given['state-dir'] ?? env.GUARDIAN_STATE_DIR
  const runtimeDir = given['runtime-dir'] ?? env.GUARDIAN_RUNTIME_DIR
  const isPlain = stateDir !== undefined || runtimeDir !== undefined
  const file =
    given.config ?? env.GUARDIAN_CONFIG ?? (!isPlain && existsSync(defaultConfigFile) ? defaultConfigFile : null)
  if (file !== null) return await loadAgentConfig(file)
  const targets = given.target === undefined ? {} : { targets: { [given.target]: {} } }
  return decodeAgentConfig('command line', {
    ...targets,
    ...(stateDir === undefined ? {} : { stateDir }),
    ...(runtimeDir === undefined ? {} : { runtimeDir }),
  })
}

function planOf({ targets, source }: AgentConfig, name: string | undefined): TargetPlan {
  const known = targets.map(({ spec }) => spec.name).join(', ')
  const [first, second] = targets
  if (name === undefined && first !== undefined && second === undefined) return first
  const plan = targets.find(({ spec }) => spec.name === name)
  if (plan !== undefined) return plan
  if (name === undefined) throw wrong(`--target is needed: ${source} has ${known}`)
  throw new GuardianError('unknown-target', `${source} has no target named ${name}; there is ${known}`)
}

function limitOf(text: string): number {
  const limitMs = parseDuration(text)
  if (limitMs === null) throw wrong(`--timeout ${JSON.stringify(text)} is no duration such as "90s" or "5min"`)
  return Math.min(limitMs, 2 ** 31 - 1)
}

function say(text: string): void {
  process.stderr.write(`guardian wait: ${text}\n`)
}

function wrong(text: string): GuardianError {
  return new GuardianError('bad-request', `guardian wait: ${text}; see --help`)
}
