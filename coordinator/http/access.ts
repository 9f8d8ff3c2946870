import type { FastifyRequest } from 'fastify'
import { GuardianError } from '../../protocol/errors.ts'
import type { May } from './api.ts'
import type { Tokens } from './tokens.ts'

/** What a caller at one door may do at most. */
export type Door = (request: FastifyRequest) => May

/** Whoever may open the socket file may operate. */
export const socketDoor: Door = () => 'operate'

export function tokenDoor(tokens: () => Tokens): Door {
  return (request) => {
    const [scheme, token] = (request.headers.authorization ?? '').split(' ', 2)
    if (scheme?.toLowerCase() !== 'bearer' || token === undefined) return 'anyone'
    return tokens().check(token)?.may ?? 'anyone'
  }
}

const rank = { anyone: 0, read: 1, operate: 2 } as const satisfies Record<May, number>

/** @throws GuardianError `unauthorised` without a good token, `forbidden` with one that may only read */
export function admit(door: Door, request: FastifyRequest): void {
  // A route that says nothing is for operators.
  const needed = request.is404 ? 'anyone' : (request.routeOptions.config.may ?? 'operate')
  if (needed === 'anyone') return
  const may = door(request)
  if (rank[may] >= rank[needed]) return
  if (may === 'anyone') {
    throw new GuardianError('unauthorised', 'a bearer token is needed: see api.tokens in coordinator.json')
  }
  throw new GuardianError('forbidden', 'this token may only read: see api.tokens in coordinator.json')
}
