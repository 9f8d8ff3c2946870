import type { RolloutEvent, RolloutStatus } from '../../protocol/rollout/api.ts'
import type { Context } from '../context.ts'
import { openScreen } from '../screen.ts'
import type { RolloutClient } from './client.ts'
import type { Feed } from './feed.ts'
import { logCommand } from './render/ending.ts'
import { rolloutEventLine, tailLines } from './render/events.ts'
import { pictureLines } from './render/picture.ts'

/**
 * Shows how a rollout gets on: a live picture on a terminal, a line per transition elsewhere, with --json the events. A
 * host that fails shows the end of its log at once.
 */
export interface RolloutWatch extends Disposable {
  readonly told: (status: RolloutStatus) => Promise<void>
  /** The coordinator has gone away. */
  readonly away: (reason: string) => void
  /** Takes the picture away: the end is printed in its place. */
  clear(): void
}

export interface WatchParts {
  readonly context: Context
  readonly client: RolloutClient
  readonly id: string
  readonly feed: Feed
}

export function openRolloutWatch(parts: WatchParts): RolloutWatch {
  const { json } = parts.context.settings
  if (json) return eventWatch(parts, async (events) => events.forEach(parts.context.printJson))
  return parts.context.world.out.isTTY ? liveWatch(parts) : eventWatch(parts, (events) => sayAll(parts, events))
}

/** For a plan that is being made: of interest to somebody who looks on, and to nobody else. */
export function openPlanWatch(context: Context): RolloutWatch {
  if (context.settings.json || !context.world.out.isTTY)
    return { told: async () => {}, away() {}, clear() {}, [Symbol.dispose]() {} }
  const { told, ...view } = openPicture(context)
  return { ...view, told: async (status) => told(status) }
}

function eventWatch(parts: WatchParts, say: (events: readonly RolloutEvent[]) => Promise<void>): RolloutWatch {
  return {
    // Asked for at each change, so that none is missed where the statuses come faster than they are told.
    told: async () => say(await parts.feed.next()),
    away: (reason) => parts.context.world.err.write(`the coordinator is away: ${reason}\n`),
    clear() {},
    [Symbol.dispose]() {},
  }
}

async function sayAll(parts: WatchParts, events: readonly RolloutEvent[]): Promise<void> {
  for (const event of events) {
    parts.context.print([rolloutEventLine(parts.context.style, event)])
    parts.context.print(await logTail(parts, event))
  }
}

function liveWatch(parts: WatchParts): RolloutWatch {
  const { above, told, ...view } = openPicture(parts.context)
  return {
    ...view,
    async told(status) {
      told(status)
      for (const event of await parts.feed.next()) {
        const tail = await logTail(parts, event)
        if (tail.length > 0) above([rolloutEventLine(parts.context.style, event), ...tail])
      }
    },
  }
}

function openPicture({ world, style }: Context) {
  let latest: { readonly status: RolloutStatus; readonly atMs: number } | null = null
  let gone: readonly string[] = []
  const picture = (rows: number): readonly string[] => {
    if (latest === null) return []
    const aheadMs = performance.now() - latest.atMs
    return [...gone, ...pictureLines(style, latest.status, { aheadMs, rows: rows - gone.length })]
  }
  const screen = openScreen(world.out, picture, { everyMs: 500, whole: false })
  return {
    told(status: RolloutStatus): void {
      latest = { status, atMs: performance.now() }
      gone = []
      screen.draw()
    },
    above: screen.above,
    away(reason: string): void {
      gone = [`the coordinator is away: ${reason}`]
      screen.draw()
    },
    clear: () => screen.clear(),
    [Symbol.dispose]: () => screen[Symbol.dispose](),
  }
}

const failures: readonly string[] = ['host.failed', 'host.lost', 'host.interrupted', 'host.revert-failed']
const tailLength = 20

async function logTail({ context, client, id }: WatchParts, { type, host }: RolloutEvent): Promise<readonly string[]> {
  if (host === null || !failures.includes(type)) return []
  const lines = await client.logs(id, { host, stream: 'switch', last: tailLength })
  return tailLines(context.style, host, lines.slice(-tailLength), logCommand(host, id))
}
