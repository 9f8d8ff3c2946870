import * as v from 'valibot'
import type { Run } from '../../context.ts'
import { followToEnd } from '../../follow.ts'
import { decodeOptions } from '../../settings.ts'
import { any, chosenId } from '../chosen.ts'
import { rolloutClient } from '../client.ts'
import { endRollout } from '../follow.ts'
import { showPlan } from '../planning.ts'
import { endingLines } from '../render/ending.ts'
import { pictureLines } from '../render/picture.ts'

/** Where nothing is drawn again there is room for more. */
const rows = 60

export const run: Run = async (context, [word], from) => {
  const { wait } = decodeOptions(v.object({ wait: v.optional(v.boolean(), false) }), from)
  const client = await rolloutClient(context)
  const id = await chosenId(context, client, word, any)
  if (wait) {
    const followed = await followToEnd({
      stream: (signal) => client.followStatus(id, signal),
      isEnd: ({ settled }) => settled,
      unknown: 'unknown-rollout',
      timeoutMs: context.settings.timeoutMs,
      patienceMs: context.world.rebuildPatienceMs,
      signal: context.signal,
      told: () => {},
    })
    return endRollout(context, { id, ...followed })
  }
  const status = await client.status(id)
  if (context.settings.json) context.printJson(status)
  else if (status.is === 'planned') return showPlan(context, client, { id, ending: { is: 'settled' }, last: status })
  else if (status.settled) context.print(endingLines(context.style, status))
  else context.print(pictureLines(context.style, status, { aheadMs: 0, rows }))
  return status.settled ? status.exit : 0
}
