import { fleetStatus } from '../../protocol/api.ts'
import type { Run } from '../context.ts'
import { allHolds } from '../render/hold-list.ts'
import { holdsLines } from '../render/holds.ts'
import { coordinatorOnly } from './coordinator-only.ts'

export const run: Run = async (context) => {
  const client = await coordinatorOnly(context, 'holds')
  const status = await client.get('/v1/status', fleetStatus, { signal: context.signal })
  const holds = allHolds(status)
  if (context.settings.json) context.printJson({ holds })
  else context.print(holdsLines(context.style, holds, status.nowMs))
  return 0
}
