import type { FastifyReply, FastifyRequest } from 'fastify'
import { errors, GuardianError } from '../../protocol/errors.ts'

const fixed = { code: 'internal', message: 'internal error; the log of io-guardian-coordinator has it' } as const

/** A coded error is told as its table says; of any other the caller learns nothing. */
export function errorHandler(onBug: (cause: unknown) => void) {
  return (cause: unknown, _request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (cause instanceof GuardianError) {
      return reply.code(errors[cause.code].http).send({ code: cause.code, message: cause.message })
    }
    const refusal = ofRequest(cause)
    if (refusal !== null) return reply.code(refusal.status).send({ code: 'bad-request', message: refusal.message })
    onBug(cause)
    return reply.code(500).send(fixed)
  }
}

// What Fastify refuses, or Node finds while it reads, speaks of nothing but the request; a stranger may have sent it.
function ofRequest(cause: unknown): { readonly status: number; readonly message: string } | null {
  if (!(cause instanceof Error) || !('statusCode' in cause)) return null
  const { statusCode: status, message } = cause
  return typeof status === 'number' && status >= 400 && status < 500 ? { status, message } : null
}

export function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0]?.slice(0, 200)
  return reply
    .code(404)
    .send({ code: 'not-found', message: `nothing at ${request.method} ${path}; see /v1/openapi.json` })
}
