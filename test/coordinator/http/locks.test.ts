import { createHash } from 'node:crypto'
import t from 'tap'
import * as v from 'valibot'
import { socketDoor, tokenDoor } from '../../../coordinator/http/access.ts'
import { createApi } from '../../../coordinator/http/server.ts'
import { tokensOf } from '../../../coordinator/http/tokens.ts'
import { fleetLockRefusal } from '../../../protocol/rollout/api.ts'
import { aFleet, aPlan } from './api-parts.ts'

const lockBody = (id: string, group = 'any') => ({ client_params: { id, group } })
const lockHeaders = { 'fleet-lock-protocol': 'true' }

t.test('FleetLock: one at a time, and the same one as often as it asks', async (t) => {
  const { parts } = aFleet({ plan: aPlan([]) })
  const app = createApi(parts, socketDoor)
  const post = (url: string, payload: object, headers: object = lockHeaders) =>
    app.inject({ method: 'POST', url, payload, headers: { ...headers } })
  t.equal((await post('/v1/pre-reboot', lockBody('coreos-1'))).statusCode, 200)
  t.equal((await post('/v1/pre-reboot', lockBody('coreos-1'))).statusCode, 200)
  const refused = await post('/v1/pre-reboot', lockBody('coreos-2'))
  t.equal(refused.statusCode, 409)
  t.match(v.parse(fleetLockRefusal, refused.json()), { value: /budget any: 1 of 1 out of service \(coreos-1\)/ })
  t.equal((await post('/v1/steady-state', lockBody('coreos-1'))).statusCode, 200)
  t.equal((await post('/v1/steady-state', lockBody('coreos-1'))).statusCode, 200, 'said again')
  t.equal((await post('/v1/pre-reboot', lockBody('coreos-2'))).statusCode, 200)
  const strange = await post('/v1/pre-reboot', lockBody('coreos-3', 'nowhere'))
  t.match(strange.json(), { kind: 'bad_request', value: /no budget named nowhere/ })
  const bare = await post('/v1/pre-reboot', lockBody('coreos-3'), {})
  t.match(bare.json(), { kind: 'bad_request', value: /fleet-lock-protocol: true/ })
  const wrong = await post('/v1/pre-reboot', { client_params: {} })
  t.match(v.parse(fleetLockRefusal, wrong.json()), { kind: 'bad_request', value: /client_params\.id/ })
})

t.test('FleetLock: a token of its own, also as the password of an address', async (t) => {
  const digestOf = (token: string) => createHash('sha256').update(token).digest()
  const [lock, reader] = ['l'.repeat(40), 'r'.repeat(40)]
  const known = tokensOf([
    { name: 'coreos', may: 'lock', digest: digestOf(lock) },
    { name: 'prometheus', may: 'read', digest: digestOf(reader) },
  ])
  const app = createApi(
    aFleet({ plan: aPlan([]) }).parts,
    tokenDoor(() => known),
  )
  const asked = async (authorization: string, url = '/v1/pre-reboot') => {
    const headers = { ...lockHeaders, authorization }
    const isPost = url === '/v1/pre-reboot'
    return (await app.inject({ method: isPost ? 'POST' : 'GET', url, headers, payload: lockBody('a') })).statusCode
  }
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  t.equal(await asked(`Bearer ${lock}`), 200)
  t.equal(await asked(basic(`coreos:${lock}`)), 200)
  t.equal(await asked(basic(lock)), 200)
  t.equal(await asked(`Bearer ${reader}`), 403)
  t.equal(await asked(basic('coreos:x')), 401)
  t.equal(await asked('Digest x'), 401)
  t.equal(await asked('Bearer'), 401)
  t.equal(await asked(`Bearer ${lock}`, '/v1/status'), 403, 'it may do nothing else')
})
