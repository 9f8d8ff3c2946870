import { GuardianError } from '../../protocol/errors.ts'
import type { Api, ApiParts } from './api.ts'
import { operations } from './operations.ts'
import { openEventStream } from './sse.ts'

const readersMax = 200
const unsentMax = 256 * 1024

export function addEventRoute(app: Api, { events }: ApiParts): void {
  let readers = 0
  app.get(operations.events.url, { config: operations.events }, ({ headers }, reply) => {
    if (readers >= readersMax) throw new GuardianError('too-many', `${readersMax} event streams are open already`)
    readers += 1
    const stream = openEventStream(reply, unsentMax)
    const last = headers['last-event-id']
    const missed = typeof last === 'string' ? events.since(last) : []
    const stop = events.listen((event) => stream.send(JSON.stringify(event), event.id))
    for (const event of missed) stream.send(JSON.stringify(event), event.id)
    stream.onEnd(() => {
      readers -= 1
      stop()
    })
    return reply
  })
}
