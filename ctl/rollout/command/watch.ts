import type { Run } from '../../context.ts'
import { any, chosenId } from '../chosen.ts'
import { rolloutClient } from '../client.ts'
import { openFeed } from '../feed.ts'
import { watchRollout } from '../follow.ts'
import { endingLines } from '../render/ending.ts'

export const run: Run = async (context, [word]) => {
  const client = await rolloutClient(context)
  const id = await chosenId(context, client, word, any)
  const feed = openFeed(client, id)
  const { json } = context.settings
  if (!json) {
    // A script gets all that happened; a person gets the picture, and then what is new.
    await feed.next()
    const status = await client.status(id)
    if (!context.world.out.isTTY && !status.settled) context.print(endingLines(context.style, status))
  }
  return watchRollout(context, client, { id, feed })
}
