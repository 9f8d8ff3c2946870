import * as v from 'valibot'
import type { ApiClient } from '../../daemon/api-client.ts'
import { type FleetEvent, fleetEvent } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Context, Run } from '../context.ts'
import { pause } from '../follow.ts'
import { eventLine } from '../render/events.ts'
import { decodeOptions } from '../settings.ts'
import { coordinatorOnly } from './coordinator-only.ts'

/** No event has this id, so a stream that goes on after it begins with all that is kept. */
const beforeAll = '0'
const quietMs = 300
const backlogMs = 3_000

export const run: Run = async (context, _args, from) => {
  const { follow } = decodeOptions(v.object({ follow: v.optional(v.boolean(), false) }), from)
  const client = await coordinatorOnly(context, 'events')
  return follow ? followEvents(context, client) : recentEvents(context, client)
}

/** What is kept comes in one go; the silence after it is its end. */
async function recentEvents(context: Context, client: ApiClient): Promise<number> {
  const overdue = AbortSignal.timeout(backlogMs)
  const signal = AbortSignal.any([context.signal, overdue])
  let wasReached = false
  try {
    const options = {
      lastEventId: beforeAll,
      silenceMs: quietMs,
      signal,
      opened: () => {
        wasReached = true
      },
    }
    for await (const { value } of client.follow('/v1/events', fleetEvent, options)) show(context, value)
  } catch (cause) {
    const isEnd = cause instanceof GuardianError && (cause.fields.why === 'silent' || overdue.aborted)
    if (!isEnd || !wasReached) throw cause
  }
  return 0
}

async function followEvents(context: Context, client: ApiClient): Promise<number> {
  const signal = AbortSignal.any([context.signal, context.world.unread])
  let lastEventId = beforeAll
  let wasReached = false
  while (!signal.aborted) {
    try {
      const options = {
        lastEventId,
        signal,
        opened: () => {
          wasReached = true
        },
      }
      for await (const { value } of client.follow('/v1/events', fleetEvent, options)) {
        lastEventId = value.id
        show(context, value)
      }
    } catch (cause) {
      if (!(cause instanceof GuardianError) || cause.code !== 'no-coordinator' || !wasReached) throw cause
      if (!signal.aborted) context.world.err.write(`the coordinator is away: ${cause.message}\n`)
    }
    await pause(1_000, signal)
  }
  return 0
}

function show(context: Context, event: FleetEvent): void {
  if (context.settings.json) context.printJson(event)
  else context.print([eventLine(context.style, event)])
}
