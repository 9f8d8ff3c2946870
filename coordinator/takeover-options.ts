import { parseArgs } from 'node:util'
import { parseDuration } from '../protocol/duration.ts'
import { GuardianError } from '../protocol/errors.ts'
import { defaultConfigFile, loadCoordinatorConfig } from './config.ts'
import { socketPath } from './doors.ts'

export const takeoverHelp = `Lets a coordinator go on that was superseded: its store was restored from a copy or lost, or a twin ran.

Usage: guardian coordinator takeover [--config FILE | --socket FILE] [--keep-all] [--drop ID]…
                                     [--excuse HOST]… [--wait D] [--yes] [--json]

It claims more than any host has seen. No host is opened until every host has reported what it holds;
then the holds of the store that no host carries are shown, and you say which of them to drop.

  --config FILE  the configuration (default: ${defaultConfigFile})
  --socket FILE  the API's socket, where the configuration may not be read
  --keep-all     keep every hold that no host carries
  --drop ID      drop this one; may be repeated
  --excuse HOST  do not wait for this host, which is gone for good; may be repeated
  --wait D       how long to wait for the hosts' reports (default: 15s)
  --yes          do not ask whether the other coordinator is stopped
  --json         print what came of it as JSON

Exit: 0 done · 2 usage · 4 some hosts have not reported, and nothing is opened before they have
`

export interface TakeoverOptions {
  readonly socket: string
  readonly keepAll: boolean
  readonly drop: readonly string[]
  readonly excuse: readonly string[]
  readonly waitMs: number
  readonly isSure: boolean
  readonly isJson: boolean
}

/** null where only help was asked for. */
export async function readTakeoverOptions(argv: readonly string[]): Promise<TakeoverOptions | null> {
  const values = parse(argv)
  if (values.help === true) return null
  const { config = defaultConfigFile, wait = '15s' } = values
  const waitMs = parseDuration(wait)
  if (waitMs === null) throw wrong(`--wait: ${JSON.stringify(wait)} is no duration such as 15s`)
  return {
    socket: values.socket ?? socketPath(await loadCoordinatorConfig(config)),
    keepAll: values['keep-all'] === true,
    drop: values.drop ?? [],
    excuse: values.excuse ?? [],
    waitMs,
    isSure: values.yes === true,
    isJson: values.json === true,
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        config: { type: 'string' },
        socket: { type: 'string' },
        'keep-all': { type: 'boolean' },
        drop: { type: 'string', multiple: true },
        excuse: { type: 'string', multiple: true },
        wait: { type: 'string' },
        yes: { type: 'boolean', short: 'y' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
}

function wrong(text: string): GuardianError {
  return new GuardianError(
    'bad-request',
    `guardian coordinator takeover: ${text}; see guardian coordinator takeover --help`,
  )
}
