import type { Api, ApiParts } from './api.ts'
import { operations } from './operations.ts'

const takeoverBytesMax = 4 * 1024 * 1024

/** Requests that change what is wanted; the core decides on each. */
export function addOrderRoutes(app: Api, { tell }: ApiParts): void {
  const { drain, undrain, takeover, gate } = operations
  app.post(drain.url, { config: drain, schema: { body: drain.body } }, async ({ body: request }, reply) =>
    reply.code(drain.status).send(await tell({ type: 'drain-asked', request })),
  )
  app.post(undrain.url, { config: undrain, schema: { body: undrain.body } }, ({ body: request }) =>
    tell({ type: 'undrain-asked', request }),
  )
  const bodyLimit = takeoverBytesMax
  app.post(takeover.url, { config: takeover, schema: { body: takeover.body }, bodyLimit }, ({ body: request }) =>
    tell({ type: 'takeover-asked', request }),
  )
  const schema = { params: gate.params, body: gate.body }
  app.post(gate.url, { config: gate, schema }, ({ params: { resource }, body: request }) =>
    tell({ type: 'gate-asked', resource, request }),
  )
}
