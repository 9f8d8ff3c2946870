import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { reasonOf } from '../daemon/reason.ts'
import { GuardianError } from '../protocol/errors.ts'
import { jobId } from '../protocol/v2/job.ts'
import { activate } from './action/activate.ts'
import { commit } from './action/commit.ts'
import { exit } from './action/exit.ts'
import { forget } from './action/forget.ts'
import { goBack, revert } from './action/go-back.ts'
import { prefetch } from './action/prefetch.ts'
import { resume } from './action/resume.ts'
import { takeLock } from './adapters/lock.ts'
import { readOrder } from './adapters/order-file.ts'
import { defaultConfigFile, loadRebuildConfig } from './config.ts'
import { openWorld, type World } from './world.ts'

const help = `Rebuilds this host as its agent is ordered; run as root by its units, never by hand.

Usage: guardian rebuild ACTION JOB [--config FILE]
       guardian rebuild resume [--config FILE]

  prefetch   fetches or builds the system, checks it, and says what it would do
  activate   lets it run, by a switch or by a reboot; the previous one stays the one that boots
  commit     makes it the one that boots
  revert     goes back to the system that ran before
  resume     after a boot: settles what it has made of every job, or of the one that is named
  forget     gives up what was kept for a job
  go-back, exit   are for the transient units that the others start

  --config FILE   what a rebuild of this host may be (${defaultConfigFile}); root's own

Exit codes: 0 done, and what came of it is in the state directory · 1 failed or busy · 2 wrong usage or
configuration · 6 refused · 9 the coordinator of this host does not lead yet
`

const actions = ['prefetch', 'activate', 'commit', 'revert', 'resume', 'forget', 'go-back', 'exit'] as const
type Action = (typeof actions)[number]

// A commit may be writing the loader.
const goBackWaitMs = 15 * 60_000
const waitMs = 30_000

/** `guardian rebuild`; `argv` is what follows it. */
export async function main(argv: readonly string[]): Promise<void> {
  const asked = parse(argv)
  if (asked === 'help') {
    process.stdout.write(help)
    return
  }
  process.umask(0o022)
  const world = await openWorld(await loadRebuildConfig(asked.config))
  if (asked.action === 'exit') return await exit(world, asked.job, endOf(process.env))
  const at = (name: string): string => `${world.places.at(world.config.runDir)}/${name}.lock`
  const alone = (limitMs: number) => takeLock(at('io-guardian-rebuild'), limitMs)
  if (asked.action === 'prefetch') {
    // What is fetched or built for hours must not keep a host from going back.
    await using _prefetch = await takeLock(at('io-guardian-prefetch'), waitMs)
    return await prefetch(world, await readOrder(world.config.agentStateDir, asked.job), () => alone(waitMs))
  }
  await using _lock = await alone(asked.action === 'go-back' ? goBackWaitMs : waitMs)
  await act(world, { ...asked, action: asked.action })
}

interface Asked {
  readonly action: Action
  /** Empty for all, where that is allowed. */
  readonly job: string
  readonly config: string
  readonly deadMan: boolean
}

async function act(
  world: World,
  { action, job, deadMan }: Asked & { readonly action: Exclude<Action, 'prefetch' | 'exit'> },
): Promise<void> {
  const order = () => readOrder(world.config.agentStateDir, job)
  switch (action) {
    case 'activate':
      return await activate(world, await order())
    case 'commit':
      return await commit(world, await order())
    case 'revert':
      return await revert(world, job)
    case 'resume':
      return await resumeAll(world, job === '' ? await world.memory.jobs() : [job])
    case 'forget':
      return await forget(world, job)
    case 'go-back':
      return await goBack(world, job, deadMan)
    default:
      return action satisfies never
  }
}

async function resumeAll(world: World, jobs: readonly string[]): Promise<void> {
  for (const job of jobs) {
    await resume(world, job).catch((cause: unknown) => {
      process.stderr.write(`guardian rebuild: resume of job ${job}: ${reasonOf(cause)}\n`)
      process.exitCode = 1
    })
  }
}

function endOf({ SERVICE_RESULT = '', EXIT_CODE = '', EXIT_STATUS = '' }: NodeJS.ProcessEnv) {
  return { result: SERVICE_RESULT, code: EXIT_CODE, status: EXIT_STATUS }
}

/** An instance of the unit is one word: `prefetch-<job>`. */
function parse(argv: readonly string[]): Asked | 'help' {
  const { values, positionals } = parsed(argv)
  if (values.help === true) return 'help'
  const [first = '', second, ...rest] = positionals
  const [, name = first, instance] = /^([a-z-]+)-([0-9a-f]{32})$/.exec(first) ?? []
  const job = second ?? instance ?? ''
  const action = actions.find((each) => each === name)
  if (action === undefined || rest.length > 0) throw wrong(`ACTION is one of ${actions.join(', ')}`)
  if (!v.is(jobId, job) && !(action === 'resume' && job === '')) throw wrong('JOB is 32 hex digits')
  return { action, job, config: values.config ?? defaultConfigFile, deadMan: values['dead-man'] === true }
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        config: { type: 'string' },
        'dead-man': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    })
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
}

function wrong(text: string): GuardianError {
  return new GuardianError('bad-request', `guardian rebuild: ${text}; see --help`)
}
