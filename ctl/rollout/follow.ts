import type { RolloutStateName, RolloutStatus } from '../../protocol/rollout/api.ts'
import { commandLine } from '../command-line.ts'
import type { Context } from '../context.ts'
import { type Ending, followToEnd } from '../follow.ts'
import { unbroken, wrapped } from '../render/style.ts'
import type { RolloutClient } from './client.ts'
import { exitAt } from './exit.ts'
import type { Feed } from './feed.ts'
import { endingLines } from './render/ending.ts'
import { openRolloutWatch } from './watch.ts'

export interface RolloutEnding {
  readonly id: string
  readonly ending: Ending
  readonly last: RolloutStatus | null
}

export interface Watched {
  readonly id: string
  readonly feed: Feed
  /** The end that an order asked for: that it has come is no failure. */
  readonly leadsTo?: RolloutStateName
}

/** Watches a rollout until it rests, and says what it came to. Resolves with the exit code. */
export async function watchRollout(
  context: Context,
  client: RolloutClient,
  { id, feed, leadsTo }: Watched,
): Promise<number> {
  const watch = openRolloutWatch({ context, client, id, feed })
  try {
    const followed = await followToEnd({
      stream: (signal) => client.followStatus(id, signal),
      isEnd: ({ settled }) => settled,
      unknown: 'unknown-rollout',
      timeoutMs: context.settings.timeoutMs,
      patienceMs: context.world.rebuildPatienceMs,
      signal: AbortSignal.any([context.signal, context.world.unread]),
      told: watch.told,
      away: watch.away,
    })
    watch.clear()
    const asAsked = followed.ending.is === 'settled' && leadsTo !== undefined && followed.last?.is === leadsTo
    return endRollout(context, { id, ...followed }, asAsked ? 0 : undefined)
  } finally {
    watch[Symbol.dispose]()
  }
}

/** Says how a rollout ended, or that its end was not seen; the exit code says the same. */
export function endRollout(context: Context, { id, ending, last }: RolloutEnding, asked?: number): number {
  const exit = asked ?? exitAt(ending, last?.exit ?? 0)
  if (context.settings.json) {
    const { is = null, reason = '', next = [] } = last ?? {}
    context.printJson({ rollout: id, is, reason, next, ending: ending.is, exit })
    return exit
  }
  if (last !== null) context.print(endingLines(context.style, last))
  context.print(unseenLines(context, id, ending))
  return exit
}

/** What is to be known where the end was not seen. */
export function unseenLines(context: Context, id: string, ending: Ending): readonly string[] {
  const { given } = context.settings
  const say = (text: string): readonly string[] => wrapped(context.style, text)
  const again = unbroken(commandLine(given, ['rollout', 'watch', id]))
  switch (ending.is) {
    case 'settled':
      return []
    case 'timeout':
      return say(`the time to watch is over; the rollout goes on. Watch again: ${again}`)
    case 'interrupted':
      return say(
        `stopped watching; the rollout goes on. Watch again: ${again} Stop it: ${unbroken(commandLine(given, ['rollout', 'pause', id]))}`,
      )
    case 'lost':
      return say(
        `outcome unknown: the coordinator went away and did not come back: ${ending.reason}. Hosts on their way finish or go back by themselves; when it is back: ${again}`,
      )
    case 'gone':
      return say(`the coordinator does not know ${id} any more; see guardian ctl rollout history`)
    default:
      return ending satisfies never
  }
}
