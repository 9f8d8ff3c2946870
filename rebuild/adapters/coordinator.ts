import { setTimeout as pause } from 'node:timers/promises'
import { createApiClient } from '../../daemon/api-client.ts'
import { reasonOf } from '../../daemon/reason.ts'
import { fleetStatus } from '../../protocol/api.ts'

const pauseMs = 1_000
const askLimitMs = 5_000

/** Waits until the coordinator of this host has opened its store, may order, and has so many agents; resolves with why not, or null. */
export async function whyNotLed(socket: string, agents: number, waitMs: number): Promise<string | null> {
  const client = createApiClient({ kind: 'socket', path: socket })
  const ask = async (): Promise<string | null> => {
    try {
      const { hosts, superseded } = await client.get('/v1/status', fleetStatus, { limitMs: askLimitMs })
      const linked = hosts.filter(({ connected }) => connected).length
      if (superseded !== null) return 'it is superseded'
      return linked >= agents ? null : `${linked} of ${agents} agents are linked`
    } catch (cause) {
      return reasonOf(cause)
    }
  }
  const untilMs = performance.now() + waitMs
  for (;;) {
    const why = await ask()
    if (why === null || performance.now() >= untilMs) return why
    await pause(pauseMs)
  }
}
