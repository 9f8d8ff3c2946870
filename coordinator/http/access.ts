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
    const token = tokenOf(request.headers.authorization ?? '')
    return (token === null ? null : tokens().check(token)?.may) ?? 'anyone'
  }
}

/** Sent as such, or as the password of an address: all that some clients of FleetLock can be configured with. */
function tokenOf(authorization: string): string | null {
  const [scheme, sent] = authorization.split(' ', 2)
  if (sent === undefined) return null
  if (scheme?.toLowerCase() === 'bearer') return sent
  if (scheme?.toLowerCase() !== 'basic') return null
  const pair = Buffer.from(sent, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}

const includes: { readonly [Who in May]: readonly May[] } = {
  anyone: ['anyone'],
  read: ['anyone', 'read'],
  lock: ['anyone', 'lock'],
  operate: ['anyone', 'read', 'lock', 'operate'],
}

/** @throws GuardianError `unauthorised` without a good token, `forbidden` with one that may only read */
export function admit(door: Door, request: FastifyRequest): void {
  // A route that says nothing is for operators.
  const needed = request.is404 ? 'anyone' : (request.routeOptions.config.may ?? 'operate')
  if (needed === 'anyone') return
  const may = door(request)
  if (includes[may].includes(needed)) return
  if (may === 'anyone') {
    throw new GuardianError('unauthorised', 'a bearer token is needed: see api.tokens in coordinator.json')
  }
  throw new GuardianError('forbidden', `this token may only ${may}: see api.tokens in coordinator.json`)
}
