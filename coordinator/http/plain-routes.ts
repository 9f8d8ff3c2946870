import type { HostDial } from '../config.ts'
import type { FleetState } from '../core/state.ts'
import type { Api, ApiParts } from './api.ts'
import { openApiDocument } from './openapi.ts'
import { operations } from './operations.ts'

/** What monitoring asks, without a token, and the document that describes all of it. */
export function addPlainRoutes(app: Api, { read, dials, registry }: ApiParts): void {
  const { metrics, health, ready, discovery, openapi } = operations
  let document: object | null = null
  app.get(metrics.url, { config: metrics }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  )
  app.get(health.url, { config: health }, (_request, reply) => reply.type('text/plain').send('ok\n'))
  app.get(ready.url, { config: ready }, (_request, reply) => {
    const { superseded } = read()
    if (superseded === null) return reply.type('text/plain').send('ready\n')
    return reply.code(503).type('text/plain').send(`superseded: ${superseded.host} has seen a later coordinator\n`)
  })
  app.get(discovery.url, { config: discovery }, () => {
    const { plan } = read()
    return [...dials().values()].flatMap((dial) => discovered(plan, dial))
  })
  app.get(openapi.url, { config: openapi }, () => {
    document ??= openApiDocument()
    return document
  })
}

/** A v1 host serves no metrics. Tags stand between commas, so that a relabelling can match `,web,`. */
function discovered(plan: FleetState['plan'], { host, address, port, protocol }: HostDial) {
  const spec = plan.hosts.get(host)
  if (protocol === 'v1' || spec === undefined) return []
  const list = (names: readonly string[]) => (names.length === 0 ? '' : `,${names.join(',')},`)
  const labels = {
    __meta_guardian_host: host,
    __meta_guardian_tags: list(spec.tags),
    __meta_guardian_targets: list(spec.targets),
  }
  return [{ targets: [address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`], labels }]
}
