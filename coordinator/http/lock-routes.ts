import type { FastifyReply, FastifyRequest } from 'fastify'
import { errors, GuardianError } from '../../protocol/errors.ts'
import type { Api, ApiParts } from './api.ts'
import { operations } from './operations.ts'
import { errorHandler } from './refusals.ts'

/** FleetLock, as Zincati and others speak it: machines that are no hosts of guardian reboot under the same budgets. */
export function addLockRoutes(app: Api, { tell, onBug }: ApiParts): void {
  const { takeLock, returnLock } = operations
  const preValidation = async ({ headers }: FastifyRequest): Promise<void> => {
    // A form in a browser cannot send it.
    if (headers['fleet-lock-protocol'] === 'true') return
    throw new GuardianError('bad-request', 'the header "fleet-lock-protocol: true" is missing')
  }
  const common = { preValidation, errorHandler: refusing(onBug) }
  const { body } = takeLock
  app.post(takeLock.url, { config: takeLock, schema: { body }, ...common }, async ({ body: asked }, reply) => {
    await tell({ type: 'lock-asked', ...asked.client_params })
    return reply.type('text/plain').send('')
  })
  app.post(returnLock.url, { config: returnLock, schema: { body }, ...common }, async ({ body: asked }, reply) => {
    await tell({ type: 'lock-released', ...asked.client_params })
    return reply.type('text/plain').send('')
  })
}

/** The same refusals in the words of that protocol. */
function refusing(onBug: (cause: unknown) => void) {
  const told = errorHandler(onBug)
  return (cause: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (!(cause instanceof GuardianError)) return told(cause, request, reply)
    const kind = cause.code.replaceAll('-', '_')
    return reply.code(errors[cause.code].http).send({ kind, value: cause.message })
  }
}
