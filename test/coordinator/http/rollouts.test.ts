import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import * as v from 'valibot'
import { openStore } from '../../../coordinator/adapters/sqlite-store.ts'
import { socketDoor } from '../../../coordinator/http/access.ts'
import { listenOnSocket } from '../../../coordinator/http/listen.ts'
import { createApi } from '../../../coordinator/http/server.ts'
import { type ApiClient, createApiClient } from '../../../daemon/api-client.ts'
import * as api from '../../../protocol/rollout/api.ts'
import { report as reportSchema } from '../../../protocol/v2/report.ts'
import { aPolicy, systemA, systemB } from '../adapters/rollout-samples.ts'
import { bootA } from '../adapters/store-samples.ts'
import { aFleet, aPlan, type Fleet, instance } from './api-parts.ts'

const request = 'c'.repeat(32)
const hosts = ['web1', 'web2']

interface Scene {
  readonly fleet: Fleet
  readonly client: ApiClient
  readonly say: (line: string) => void
}

/** Two hosts that take rebuilds, behind a real store and a real socket. */
async function aScene(t: Test): Promise<Scene> {
  const dir = mkdtempSync(join(tmpdir(), 'guardian-rollouts-'))
  const store = openStore({ dir, boot: bootA, instance })
  const stages = [
    { name: 'canary', select: 'web1', promote: 'manual' },
    { name: 'rest', select: '@web' },
  ]
  const policies = new Map([['default', aPolicy({ stages })]])
  const plan = { ...aPlan([...hosts, 'db1']), rebuilds: { policies, budgets: new Map(), self: null } }
  const fleet = aFleet({ plan, store })
  const path = join(dir, 'api.sock')
  const app = createApi(fleet.parts, socketDoor)
  t.teardown(async () => {
    await app.close()
    store.close()
    rmSync(dir, { recursive: true })
  })
  await listenOnSocket(app, path)
  for (const host of hosts) await up(fleet, host)
  const say = (text: string): void => {
    const job = fleet.loop.state.rollouts.runs.get('r1')?.get('web1')?.job ?? ''
    const lines = [{ cursor: text, atMs: 5, text }]
    store.history.keepLines('r1', 'web1', { type: 'log', job, stream: 'switch', lines })
    fleet.parts.rollouts.changes.wake('r1')
  }
  return { fleet, client: createApiClient({ kind: 'socket', path }), say }
}

async function up({ parts }: Fleet, host: string): Promise<void> {
  const hello = { type: 'hello', version: 2, host, bootId: 'e'.repeat(32), build: 'x', seen: null, clockMs: 1 } as const
  const features = ['jobs']
  await parts.tell({ type: 'link-up', host, link: host, hello: { ...hello, features, targets: ['io-databases'] } })
  await report({ parts }, host, [])
}

/** What the host says of its job, and what follows. */
async function report({ parts }: Pick<Fleet, 'parts'>, host: string, jobs: readonly object[]): Promise<void> {
  const target = {
    target: 'io-databases',
    is: 'open',
    holds: [],
    durable: true,
    allowed: true,
    dependents: [],
  } as const
  const targets = [
    { ...target, holds: [], dependents: [], breaches: 0, dependentsLeftOut: 0, waitingFor: '', failed: [] },
  ]
  const message = v.parse(reportSchema, { type: 'report', seen: null, targets, probes: [], jobs })
  await parts.tell({ type: 'told', host, link: host, message })
  await parts.tell({ type: 'advance' })
}

async function fetched(fleet: Fleet, host: string): Promise<void> {
  const job = fleet.loop.state.rollouts.runs.get('r1')?.get(host)?.job
  const none = { blockers: [], rebootReasons: [], touches: [], exit: null, deadManMs: null, health: null }
  const boots = { bootId: 'e'.repeat(32), baselineBootId: null, bootOnce: true }
  const paths = { system: systemB, previous: systemA, current: systemA, profile: systemA }
  const facts = { is: 'prefetched', reason: '', action: 'live', ...none, ...boots, ...paths }
  await report(fleet, host, [{ job, rollout: 'r1', ...facts }])
}

const planRequest = {
  id: request,
  policy: 'default',
  operator: 'ann',
  message: 'security updates',
  source: { mode: 'closure', systems: { web1: systemB, web2: systemB } },
}

const planned = ({ client }: Scene) => client.post('/v1/rollouts', planRequest, api.rolloutStatus)

t.test('a plan, from the request to its start', async (t) => {
  const scene = await aScene(t)
  const { client, fleet } = scene
  const making = await planned(scene)
  t.match(making, { id: 'r1', is: 'planning', plan: null, hosts: [{ host: 'web1', is: 'prefetching' }, {}] })
  t.equal((await planned(scene)).id, 'r1', 'asked again it is the same one')
  for (const host of hosts) await fetched(fleet, host)
  const plan = await client.get('/v1/rollouts/r1', api.rolloutStatus)
  t.match(plan, { is: 'planned', plan: /^[0-9a-f]{64}$/, settled: true })
  const start = (hash: string) =>
    client.post('/v1/rollouts/r1/start', { plan: hash, operator: 'ann' }, api.rolloutStatus)
  await t.rejects(start('0'.repeat(64)), { message: /r1 would not do any more what was shown/ })
  t.match(await start(plan.plan ?? ''), { is: 'running', plan: plan.plan })
  t.match(await start(plan.plan ?? ''), { is: 'running' }, 'said again after a lost answer')
  const order = (said: object) => client.post('/v1/rollouts/r1/order', { operator: 'ann', ...said }, api.rolloutStatus)
  t.match(await order({ verb: 'pause', message: 'lunch' }), { is: 'paused', reason: 'ann: lunch' })
  await t.rejects(order({ verb: 'discard' }), { message: /r1 is paused: there is nothing to discard/ })
})

t.test('lists', async (t) => {
  const scene = await aScene(t)
  const { client } = scene
  t.strictSame(await client.get('/v1/rollouts', api.rolloutList), [])
  await planned(scene)
  const list = await client.get('/v1/rollouts?host=web2', api.rolloutList)
  t.match(list, [{ id: 'r1', is: 'planning', hosts: 2, done: 0, policy: 'default', run: { is: 'prefetching' } }])
  t.match(await client.get('/v1/rollouts', api.rolloutList), [{ id: 'r1', run: null }])
  t.strictSame(await client.get('/v1/rollouts?host=db1', api.rolloutList), [])
  await t.rejects(client.get('/v1/rollouts?host=web9', api.rolloutList), { code: 'unknown-host' })
  t.match(await client.get('/v1/policies', api.policyList), [
    { name: 'default', mode: 'closure', flake: null, stages: [{ hosts: ['web1'] }, { name: 'rest', hosts: ['web2'] }] },
  ])
})

t.test('why a host is not rebuilt', async (t) => {
  const scene = await aScene(t)
  await planned(scene)
  for (const host of hosts) await fetched(scene.fleet, host)
  const why = await scene.client.get('/v1/hosts/web2/rollout', api.rolloutExplanation)
  t.match(why, { host: 'web2', rollout: 'r1', is: 'ready' })
  t.ok(why.because.some(({ what }) => /has not been started/.test(what)))
  t.strictSame(
    why.events.map(({ type }) => type),
    ['host.prefetching', 'host.ready'],
  )
  await t.rejects(scene.client.get('/v1/hosts/web9/rollout', api.rolloutExplanation), { code: 'unknown-host' })
})

t.test('a status stream: one a change, and its end with the end', async (t) => {
  const scene = await aScene(t)
  await planned(scene)
  const seen: string[] = []
  for await (const { value } of scene.client.follow('/v1/rollouts/r1', api.rolloutStatus)) {
    const now = `${value.is} ${value.hosts.map(({ is }) => is).join(' ')}`
    // A report on its way is a change too, before it moves anything.
    if (now === seen.at(-1)) continue
    seen.push(now)
    if (seen.length === 1) void fetched(scene.fleet, 'web1')
    if (seen.length === 2) void fetched(scene.fleet, 'web2')
    if (value.is === 'planned') void discard(scene)
  }
  t.strictSame(seen.slice(0, 3), [
    'planning prefetching prefetching',
    'planning ready prefetching',
    'planned ready ready',
  ])
  t.match(seen.at(-1), /^discarded/)
})

t.test('events: what was, after a number, and as a stream to the end, each once', async (t) => {
  const scene = await aScene(t)
  await planned(scene)
  const events = v.array(api.rolloutEvent)
  const before = await scene.client.get('/v1/rollouts/r1/events', events)
  t.ok(before.length > 0)
  const last = before.at(-1)?.seq ?? 0
  t.strictSame(await scene.client.get(`/v1/rollouts/r1/events?after=${last}`, events), [])
  const seen: number[] = []
  for await (const { id, value } of scene.client.follow('/v1/rollouts/r1/events', api.rolloutEvent)) {
    t.equal(id, `${value.seq}`)
    seen.push(value.seq)
    if (seen.length === before.length) void fetched(scene.fleet, 'web1').then(() => discard(scene))
  }
  const all = await scene.client.get('/v1/rollouts/r1/events', events)
  t.strictSame(
    seen,
    all.map(({ seq }) => seq),
  )
  const resumed: number[] = []
  const options = { lastEventId: `${last}` }
  for await (const { value } of scene.client.follow('/v1/rollouts/r1/events', api.rolloutEvent, options)) {
    resumed.push(value.seq)
  }
  t.strictSame(resumed, seen.slice(before.length))
})

t.test('logs: the last, of one host, and followed', async (t) => {
  const scene = await aScene(t)
  await planned(scene)
  for (let at = 1; at <= 1_200; at += 1) scene.say(`line ${at}`)
  const get = async (query: string) => {
    const lines = await scene.client.get(`/v1/rollouts/r1/logs${query}`, v.array(api.rolloutLogLine))
    return lines.map(({ text }) => text)
  }
  t.equal((await get('')).length, 1_200)
  t.strictSame(await get('?last=2&host=web1&stream=switch'), ['line 1199', 'line 1200'])
  t.strictSame(await get('?stream=plan'), [])
  const follow = async (query: string, end: number, options: { readonly lastEventId?: string } = {}) => {
    const seen: string[] = []
    const url = `/v1/rollouts/r1/logs${query}`
    for await (const { value } of scene.client.follow(url, api.rolloutLogLine, options)) {
      seen.push(value.text)
      if (value.text === 'line 1200') scene.say('line 1201')
      if (seen.length === end) break
    }
    return seen
  }
  t.strictSame(
    await follow('', 1_201),
    Array.from({ length: 1_201 }, (_, at) => `line ${at + 1}`),
  )
  t.strictSame(await follow('?last=1', 1), ['line 1201'])
  await discard(scene)
  const [, ninth = ''] = await follow('?last=3', 99)
  t.equal(ninth, 'line 1200')
  t.strictSame(await follow('?last=3', 99, { lastEventId: '1200' }), ['line 1201'], 'resumed where it was lost')
})

const unknown = ['/v1/rollouts/r9', '/v1/rollouts/r9/events', '/v1/rollouts/r9/logs']
for (const url of unknown) {
  t.test(`there is no ${url}`, async (t) => {
    const response = await createApi(aFleet().parts, socketDoor).inject(url)
    t.equal(response.statusCode, 404)
  })
}

t.test('a plan for ten thousand hosts is read', async (t) => {
  const systems = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`host-${at}.example.org`, systemB]))
  const payload = { ...planRequest, source: { mode: 'closure', systems } }
  const response = await createApi(aFleet().parts, socketDoor).inject({ method: 'POST', url: '/v1/rollouts', payload })
  t.match(response.json().message, /no policy named default/)
  const adopt = Array.from({ length: 10_000 }, (_, at) => `host-${at}.example.org`)
  const start = { plan: '0'.repeat(64), operator: 'ann', adopt }
  const started = await createApi(aFleet().parts, socketDoor).inject({
    method: 'POST',
    url: '/v1/rollouts/r1/start',
    payload: start,
  })
  t.equal(started.statusCode, 404)
})

function discard({ client }: Scene) {
  return client.post('/v1/rollouts/r1/order', { verb: 'discard', operator: 'ann' }, api.rolloutStatus)
}
