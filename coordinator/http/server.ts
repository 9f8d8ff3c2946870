import { fastify } from 'fastify'
import type { Door } from './access.ts'
import { admit } from './access.ts'
import type { Api, ApiParts, ValibotProvider } from './api.ts'
import { addEventRoute } from './event-route.ts'
import { addFleetRoutes } from './fleet-routes.ts'
import { addLockRoutes } from './lock-routes.ts'
import { addOrderRoutes } from './order-routes.ts'
import { addPlainRoutes } from './plain-routes.ts'
import { addProgressRoute } from './progress-route.ts'
import { errorHandler, notFound } from './refusals.ts'
import { addRolloutFollowing } from './rollout-follow.ts'
import { addRolloutRoutes } from './rollout-routes.ts'
import { compileValidator } from './validation.ts'

const bodyBytesMax = 64 * 1024

/** The API behind one door, not yet listening. */
export function createApi(parts: ApiParts, door: Door): Api {
  const app: Api = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    forceCloseConnections: true,
    requestTimeout: 10_000,
    routerOptions: { maxParamLength: 255 },
  }).withTypeProvider<ValibotProvider>()
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(compileValidator)
  app.setErrorHandler(errorHandler(parts.onBug))
  app.setNotFoundHandler(notFound)
  app.addHook('onRequest', async (request) => admit(door, request))
  addPlainRoutes(app, parts)
  addFleetRoutes(app, parts)
  addOrderRoutes(app, parts)
  addProgressRoute(app, parts)
  addEventRoute(app, parts)
  addRolloutRoutes(app, parts)
  addRolloutFollowing(app, parts)
  addLockRoutes(app, parts)
  return app
}
