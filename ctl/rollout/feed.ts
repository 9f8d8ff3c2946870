import type { RolloutEvent } from '../../protocol/rollout/api.ts'
import type { RolloutClient } from './client.ts'

/** What happened in a rollout, each event once. */
export interface Feed {
  /** Those that came since the last call. */
  next(): Promise<readonly RolloutEvent[]>
}

export function openFeed(client: RolloutClient, id: string): Feed {
  let after = 0
  return {
    async next() {
      const events = await client.events(id, after)
      after = events.at(-1)?.seq ?? after
      return events
    },
  }
}
