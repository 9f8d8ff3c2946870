import * as v from 'valibot'
import { fleetStatus } from '../../protocol/api.ts'
import type { Run } from '../context.ts'
import { statusLines } from '../render/status.ts'
import { decodeOptions } from '../settings.ts'

export const run: Run = async (context, _args, from) => {
  const { watch } = decodeOptions(v.object({ watch: v.optional(v.boolean(), false) }), from)
  if (context.settings.direct !== null) {
    const { showDirectly } = await import('../direct/status.ts')
    return showDirectly(context, { watch })
  }
  const client = await context.client()
  if (watch) {
    const { watchStatus } = await import('./status-watch.ts')
    return watchStatus(context, client)
  }
  const limitMs = context.settings.timeoutMs ?? 10_000
  const status = await client.get('/v1/status', fleetStatus, { signal: context.signal, limitMs })
  if (context.settings.json) context.printJson(status)
  else context.print(statusLines(context.style, status))
  return status.superseded === null ? 0 : 6
}
