import { createHash } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import * as v from 'valibot'
import { socketDoor, tokenDoor } from '../../../coordinator/http/access.ts'
import { operations } from '../../../coordinator/http/operations.ts'
import { createApi } from '../../../coordinator/http/server.ts'
import { readTokens, tokensOf } from '../../../coordinator/http/tokens.ts'
import { apiError, drainAnswer, fleetStatus, holdStatus, hostStatus, pingAnswer } from '../../../protocol/api.ts'
import { aFleet, aPlan } from './api-parts.ts'

const id = 'c'.repeat(32)
const drain = { operator: 'ann', id, selector: '@web', message: 'disk' }

t.test('what stands is told as its decoders say', async (t) => {
  const { parts } = aFleet()
  const app = createApi(parts, socketDoor)
  const get = async (url: string) => (await app.inject(url)).json()
  t.equal(v.parse(fleetStatus, await get('/v1/status')).hosts.length, 3)
  t.equal(v.parse(v.array(hostStatus), await get('/v1/hosts')).length, 3)
  t.equal(v.parse(hostStatus, await get('/v1/hosts/web2')).name, 'web2')
  t.strictSame(v.parse(pingAnswer, await get('/v1/ping?selector=web*')).hosts, [
    { host: 'web1', roundTripMs: 1.25, reason: '' },
    { host: 'web2', roundTripMs: null, reason: 'not connected yet' },
  ])
  t.strictSame(v.parse(v.array(holdStatus), await get('/v1/holds')), [])
})

t.test('drain and undrain', async (t) => {
  const { parts, loop } = aFleet()
  const app = createApi(parts, socketDoor)
  const post = (url: string, payload: object) => app.inject({ method: 'POST', url, payload })
  const dry = await post('/v1/drain', { ...drain, dryRun: true })
  t.equal(dry.statusCode, 202)
  t.equal(loop.state.holds.size, 0, 'a dry run changes nothing')
  const taken = await post('/v1/drain', drain)
  t.equal(taken.statusCode, 202)
  t.match(v.parse(drainAnswer, taken.json()), { hold: id, persisted: true, hosts: ['web1', 'web2'] })
  t.equal((await post('/v1/drain', drain)).json().hold, id, 'asked again it is the same hold')
  t.equal(loop.state.holds.size, 1)
  const released = await post('/v1/undrain', { selector: '*' })
  t.equal(released.statusCode, 200)
  t.strictSame(released.json().released, [id])
})

t.test('a gate tells of itself', async (t) => {
  const { parts, loop } = aFleet()
  const app = createApi(parts, socketDoor)
  const payload = { state: 'down', seq: 4, bootId: 'b'.repeat(32), limitMs: 60_000 }
  const { statusCode, body } = await app.inject({ method: 'POST', url: '/v1/gates/postgresql', payload })
  t.equal(statusCode, 200, body)
  t.equal(loop.state.resources.get('postgresql')?.gate?.seq, 4)
})

const refusals: readonly [name: string, request: object, status: number, code: string, ...says: string[]][] = [
  ['an unknown path', { url: '/v2/x?key=secret' }, 404, 'not-found', 'GET /v2/x', 'openapi'],
  ['an unknown host', { url: '/v1/hosts/web9' }, 404, 'unknown-host', 'web9'],
  ['a host that can have no such name', { url: '/v1/hosts/%20' }, 400, 'bad-request', 'host: found'],
  ['an unknown hold', { url: '/v1/progress?want=drained&hold=x' }, 404, 'unknown-hold'],
  ['a wish that there is not', { url: '/v1/progress?want=closed' }, 400, 'bad-request', 'want: found "closed"'],
  ['nothing selected', { url: '/v1/ping?selector=db9' }, 422, 'nothing-selected', 'db9'],
  ['a selector that cannot be read', { url: '/v1/ping?selector=a%20b' }, 400, 'bad-request', '"a b"'],
  ['a body that is no JSON', post('/v1/drain', '{"a"'), 400, 'bad-request', 'JSON'],
  ['a body that is another type', post('/v1/drain', 'a=b', 'text/plain'), 415, 'bad-request'],
  ['no body', { method: 'POST', url: '/v1/drain' }, 400, 'bad-request'],
  [
    'a field that is missing',
    post('/v1/drain', JSON.stringify({ id })),
    400,
    'bad-request',
    'operator: found undefined',
  ],
  [
    'a message that would draw on a terminal',
    post('/v1/drain', JSON.stringify({ ...drain, message: '\u001b[2J' })),
    400,
    'bad-request',
    'message: ',
    'control characters',
  ],
  [
    'an unknown target',
    post('/v1/drain', JSON.stringify({ ...drain, target: 'x' })),
    404,
    'unknown-target',
    'io-databases',
  ],
  ['a body of a megabyte', post('/v1/drain', `"${'x'.repeat(1_000_000)}"`), 413, 'bad-request', 'too large'],
  ['a resource without a gate', post('/v1/gates/share', JSON.stringify(gateUp())), 404, 'unknown-resource', 'share'],
]

for (const [name, request, status, code, ...says] of refusals) {
  t.test(`refuses ${name}`, async (t) => {
    const { parts, bugs } = aFleet()
    const response = await createApi(parts, socketDoor).inject(request)
    const answer = v.parse(v.strictObject(apiError.entries), response.json())
    t.equal(response.statusCode, status, response.body)
    t.equal(answer.code, code)
    for (const text of says) t.match(answer.message, text)
    t.notMatch(answer.message, 'secret')
    t.strictSame(bugs, [])
  })
}

t.test('an error without a code leaks nothing', async (t) => {
  const { parts, bugs } = aFleet()
  const measure = () => Promise.reject(new Error('/etc/guardian/psk: secret'))
  const response = await createApi({ ...parts, measure }, socketDoor).inject('/v1/ping')
  t.equal(response.statusCode, 500)
  t.strictSame(response.json(), {
    code: 'internal',
    message: 'internal error; the log of io-guardian-coordinator has it',
  })
  t.equal(bugs.length, 1)
})

t.test('tokens', async (t) => {
  const { parts } = aFleet()
  const [reader, operator] = ['r'.repeat(40), 'o'.repeat(40)]
  const known = tokensOf([
    { name: 'prometheus', may: 'read', digest: digestOf(reader) },
    { name: 'ci', may: 'operate', digest: digestOf(operator) },
  ])
  const app = createApi(
    parts,
    tokenDoor(() => known),
  )
  const asked = async (url: string, token: string | null, method: 'GET' | 'POST' = 'GET') => {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    const { statusCode } = await app.inject({ method, url, headers, ...(method === 'POST' ? { payload: drain } : {}) })
    return statusCode
  }
  for (const { url, may } of Object.values(operations)) {
    if (may === 'anyone') t.equal(await asked(url, null), 200, `${url} without a token`)
  }
  t.equal(await asked('/v1/status', null), 401)
  t.equal(await asked('/v1/status', 'x'.repeat(40)), 401)
  t.equal(await asked('/v1/status', reader), 200)
  t.equal(await asked('/v1/status', operator), 200)
  t.equal(await asked('/v1/drain', null, 'POST'), 401)
  t.equal(await asked('/v1/drain', reader, 'POST'), 403)
  t.equal(await asked('/v1/drain', operator, 'POST'), 202)
  t.equal(await asked('/v1/nothing', null), 404)
})

t.test('every route says who may call it', async (t) => {
  const refuseAll = createApi(aFleet().parts, () => 'anyone')
  for (const { method, url, may } of Object.values(operations)) {
    if (may === 'anyone') continue
    const { statusCode } = await refuseAll.inject({ method, url: url.replaceAll(/:\w+/g, 'x') })
    t.equal(statusCode, 401, url)
  }
})

t.test('token files', async (t) => {
  const dir = t.testdir({ good: `${'g'.repeat(32)}\n`, short: 'short', open: 'p'.repeat(32) })
  const file = (name: string) => {
    const tokens = [{ name, file: join(dir, name), may: 'read' as const }]
    return { file: 'fleet.json', api: { tokens } }
  }
  for (const name of ['good', 'short']) chmodSync(join(dir, name), 0o640)
  chmodSync(join(dir, 'open'), 0o644)
  const tokens = await readTokens(file('good'))
  t.match(tokens.check('g'.repeat(32)), { name: 'good', may: 'read' })
  t.equal(tokens.check(''), null)
  await t.rejects(readTokens(file('short')), { code: 'bad-config', message: /has 5 characters, 32 are needed/ })
  await t.rejects(readTokens(file('open')), { code: 'bad-config', message: /may be read by everybody: run "chmod o= / })
  await t.rejects(readTokens(file('nowhere')), {
    code: 'bad-config',
    message: /^fleet\.json: api\.tokens\.0\.file: .*nowhere cannot be read/,
  })
})

t.test('a superseded coordinator is alive, not ready, and refuses orders', async (t) => {
  const superseded = { host: 'web1', seen: { epoch: 9, instance: 'd'.repeat(32), revision: 1 } }
  const app = createApi(aFleet({ state: { superseded } }).parts, socketDoor)
  t.equal((await app.inject('/healthz')).statusCode, 200)
  t.equal((await app.inject('/readyz')).statusCode, 503)
  const refused = await app.inject({ method: 'POST', url: '/v1/drain', payload: drain })
  t.equal(refused.statusCode, 409)
  t.equal(refused.json().code, 'superseded')
})

t.test('service discovery names the agents that have metrics', async (t) => {
  const app = createApi(aFleet({ plan: aPlan(['web1', 'db1', 'old1']) }).parts, socketDoor)
  t.strictSame((await app.inject('/sd')).json(), [
    {
      targets: ['198.18.0.1:9876'],
      labels: {
        __meta_guardian_host: 'web1',
        __meta_guardian_tags: ',web,',
        __meta_guardian_targets: ',io-databases,',
      },
    },
    {
      targets: ['[2001:db8::1]:9876'],
      labels: { __meta_guardian_host: 'db1', __meta_guardian_tags: '', __meta_guardian_targets: ',io-databases,' },
    },
  ])
})

t.test('the OpenAPI document has every operation, with its decoders', async (t) => {
  const app = createApi(aFleet().parts, socketDoor)
  const document = (await app.inject('/v1/openapi.json')).json()
  for (const { method, url } of Object.values(operations)) {
    const path: string = url.replaceAll(/:(\w+)/g, '{$1}')
    t.ok(document.paths[path]?.[method.toLowerCase()], `${method} ${url}`)
  }
  const body = document.paths['/v1/drain'].post.requestBody.content['application/json'].schema
  t.strictSame(body.required, ['operator', 'id'])
  t.equal(body.properties.id.pattern, '^[0-9a-f]{32}$')
  t.match(document.paths['/v1/progress'].get.parameters, [
    { name: 'want', required: true },
    { name: 'hold', required: false },
  ])
})

function post(url: string, payload: string, type = 'application/json') {
  return { method: 'POST', url, payload, headers: { 'content-type': type } }
}

function gateUp() {
  return { state: 'up', seq: 1, bootId: 'b'.repeat(32), limitMs: 5_000 }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
