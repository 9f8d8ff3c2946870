import { fleetStatus } from '../../protocol/api.ts'
import type { Run } from '../context.ts'
import { holdsLines } from '../render/holds.ts'
import { coordinatorOnly } from './coordinator-only.ts'

export const run: Run = async (context) => {
  const client = await coordinatorOnly(context, 'holds')
  const { holds, nowMs } = await client.get('/v1/status', fleetStatus, { signal: context.signal })
  if (context.settings.json) context.printJson({ holds })
  else context.print(holdsLines(context.style, holds, nowMs))
  return 0
}
