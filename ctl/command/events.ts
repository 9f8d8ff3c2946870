import * as v from 'valibot'
import { type FleetEvent, fleetEvent } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Context, Run } from '../context.ts'
import { pause } from '../follow.ts'
import { eventLine } from '../render/events.ts'
import { decodeOptions } from '../settings.ts'
import { coordinatorOnly } from './coordinator-only.ts'

const recent = v.object({ events: v.array(fleetEvent) })

export const run: Run = async (context, _args, from) => {
  const { follow } = decodeOptions(v.object({ follow: v.optional(v.boolean(), false) }), from)
  const client = await coordinatorOnly(context, 'events')
  const { events } = await client.get('/v1/events', recent, { signal: context.signal })
  for (const event of events) show(context, event)
  if (!follow) return 0
  let lastEventId = events.at(-1)?.id
  while (!context.signal.aborted) {
    try {
      const resume = lastEventId === undefined ? {} : { lastEventId }
      for await (const { value } of client.follow('/v1/events', fleetEvent, { signal: context.signal, ...resume })) {
        lastEventId = value.id
        show(context, value)
      }
    } catch (cause) {
      if (!(cause instanceof GuardianError) || cause.code !== 'no-coordinator') throw cause
      if (!context.signal.aborted) context.world.err.write(`the coordinator is away: ${cause.message}\n`)
    }
    await pause(1_000, context.signal)
  }
  return 0
}

function show(context: Context, event: FleetEvent): void {
  if (context.settings.json) context.printJson(event)
  else context.print([eventLine(context.style, event)])
}
