import * as v from 'valibot'
import { GuardianError } from '../../../protocol/errors.ts'
import type { RolloutLogLine } from '../../../protocol/rollout/api.ts'
import { logStreams } from '../../../protocol/v2/job.ts'
import type { Context, Run } from '../../context.ts'
import { pause } from '../../follow.ts'
import { decodeOptions, timeSpan } from '../../settings.ts'
import { any, chosenId, idAndHost } from '../chosen.ts'
import { type LogQuery, type RolloutClient, rolloutClient } from '../client.ts'
import { logLine } from '../render/events.ts'

const logOptions = v.object({
  follow: v.optional(v.boolean(), false),
  since: v.optional(timeSpan),
  stream: v.optional(v.picklist(logStreams, `must be ${logStreams.join(' or ')}`), 'switch'),
})

export const run: Run = async (context, words, from) => {
  const options = decodeOptions(logOptions, from)
  const { id: word, host } = idAndHost(words)
  const client = await rolloutClient(context)
  const id = await chosenId(context, client, word, any)
  const fromMs = options.since === undefined ? 0 : Date.now() - options.since
  const show = (line: RolloutLogLine): void => {
    if (line.atMs < fromMs) return
    if (context.settings.json) context.printJson(line)
    else context.print([logLine(context.style, line, host === undefined)])
  }
  const query = { host, stream: options.stream }
  if (options.follow) return followLogs(context, client, { id, query, show })
  return allLogs(client, { id, query, show })
}

interface Following {
  readonly id: string
  readonly query: LogQuery
  readonly show: (line: RolloutLogLine) => void
}

/** Page by page: an answer has an end. */
async function allLogs(client: RolloutClient, { id, query, show }: Following): Promise<number> {
  for (let after: number | undefined; ; ) {
    const lines = await client.logs(id, { ...query, after })
    for (const line of lines) show(line)
    const last = lines.at(-1)
    if (last === undefined) return 0
    after = last.seq
  }
}

/** Until Ctrl-C; after a lost link it goes on behind the last line. */
async function followLogs(context: Context, client: RolloutClient, { id, query, show }: Following): Promise<number> {
  const signal = AbortSignal.any([context.signal, context.world.unread])
  let after: number | undefined
  for (let wasReached = false; !signal.aborted; ) {
    try {
      for await (const line of client.followLogs(id, { ...query, after }, signal)) {
        wasReached = true
        after = line.seq
        show(line)
      }
    } catch (cause) {
      if (!(cause instanceof GuardianError) || cause.code !== 'no-coordinator') throw cause
      if (signal.aborted) break
      if (!wasReached) throw cause
      context.world.err.write(`the coordinator is away: ${cause.message}\n`)
    }
    await pause(1_000, signal)
  }
  return 0
}
