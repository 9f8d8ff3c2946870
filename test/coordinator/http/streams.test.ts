import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { socketDoor } from '../../../coordinator/http/access.ts'
import type { ApiParts } from '../../../coordinator/http/api.ts'
import { listenOnPort, listenOnSocket } from '../../../coordinator/http/listen.ts'
import { createApi } from '../../../coordinator/http/server.ts'
import { createApiClient } from '../../../daemon/api-client.ts'
import { fleetEvent, type ProgressAnswer, progressAnswer } from '../../../protocol/api.ts'
import type { AgentMessage } from '../../../protocol/v2.ts'
import { until } from '../../hosts/until.ts'
import { aFleet, aPlan, type Fleet, instance } from './api-parts.ts'

const id = 'c'.repeat(32)

t.test('the socket is for its group, and replaces one that a killed daemon left', async (t) => {
  const path = await openOnSocket(t, aFleet().parts)
  t.equal(statSync(path).mode & 0o777, 0o660)
  await t.rejects(listenOnSocket(createApi(aFleet().parts, socketDoor), path), { code: 'port-taken' })
})

t.test('a port that is taken is named', async (t) => {
  const { parts } = aFleet()
  const first = createApi(parts, socketDoor)
  t.teardown(() => first.close())
  await first.listen({ host: '127.0.0.1', port: 0 })
  const bound = first.server.address()
  const place = { address: '127.0.0.1', port: typeof bound === 'object' ? (bound?.port ?? 0) : 0 }
  await t.rejects(listenOnPort(createApi(parts, socketDoor), place), {
    code: 'port-taken',
    message: `port ${place.port} (`,
  })
})

t.test('progress: a snapshot at once, each change, and the end with the settled one', async (t) => {
  const fleet = aFleet({ plan: aPlan(['web1', 'web2']) })
  await up(fleet, 'web1')
  await up(fleet, 'web2')
  const path = await openOnSocket(t, fleet.parts)
  const client = createApiClient({ kind: 'socket', path })
  await hold(fleet)
  const seen: string[][] = []
  let after: (() => Promise<unknown>) | undefined
  for await (const { value } of client.follow(`/v1/progress?want=drained&hold=${id}`, progressAnswer)) {
    seen.push(value.hosts.map(({ is }) => is))
    after = seen.length === 1 ? () => drained(fleet, 'web1') : () => drained(fleet, 'web2')
    await after()
  }
  t.strictSame(seen, [
    ['moving', 'moving'],
    ['done', 'moving'],
    ['done', 'done'],
  ])
})

t.test('progress of what is settled already is one snapshot', async (t) => {
  const fleet = aFleet({ plan: aPlan(['web1']) })
  await up(fleet, 'web1')
  await hold(fleet)
  await drained(fleet, 'web1')
  const seen = await all(await openOnSocket(t, fleet.parts), `/v1/progress?want=drained&hold=${id}`)
  t.strictSame(
    seen.map(({ settled }) => settled),
    [true],
  )
})

t.test('progress ends without a settled one where the hold is released meanwhile', async (t) => {
  const fleet = aFleet({ plan: aPlan(['web1']) })
  await up(fleet, 'web1')
  await hold(fleet)
  const path = await openOnSocket(t, fleet.parts)
  const client = createApiClient({ kind: 'socket', path })
  const seen: boolean[] = []
  for await (const { value } of client.follow(`/v1/progress?want=drained&hold=${id}`, progressAnswer)) {
    seen.push(value.settled)
    void fleet.parts.tell({ type: 'undrain-asked', request: { selector: '*', force: false, dryRun: false, hold: id } })
  }
  t.strictSame(seen, [false])
  await t.rejects(all(path, `/v1/progress?want=drained&hold=${id}`), { code: 'unknown-hold' })
})

t.test('many changes in a row are few snapshots, the last one settled', async (t) => {
  const hosts = Array.from({ length: 200 }, (_, at) => `web${at}`)
  const fleet = aFleet({ plan: aPlan(hosts) })
  for (const host of hosts) await up(fleet, host)
  await hold(fleet)
  const path = await openOnSocket(t, fleet.parts)
  const client = createApiClient({ kind: 'socket', path })
  let count = 0
  let last: ProgressAnswer | null = null
  for await (const { value } of client.follow(`/v1/progress?want=drained&hold=${id}`, progressAnswer)) {
    if (count === 0) for (const host of hosts) void drained(fleet, host)
    count += 1
    last = value
  }
  t.ok(count <= 4, `${count} snapshots of 200 changes`)
  t.equal(last?.settled, true)
})

t.test('the settled snapshot reaches a reader that is slow, whatever changes after it', async (t) => {
  const hosts = Array.from({ length: 1_000 }, (_, at) => `web${at}${'-'.repeat(200)}`)
  const fleet = aFleet({ plan: aPlan(hosts) })
  for (const host of hosts) await up(fleet, host)
  await hold(fleet)
  let looks = 0
  const read = () => {
    looks += 1
    return fleet.parts.read()
  }
  const looked = async (change: () => Promise<unknown>) => {
    await change()
    const before = looks
    await until('somebody looked after it', () => looks > before)
  }
  const path = await openOnSocket(t, { ...fleet.parts, read })
  const socket = connect(path)
  socket.write(
    `GET /v1/progress?want=drained&hold=${id} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n`,
  )
  await new Promise((resolve) => socket.once('readable', resolve))
  await looked(() => Promise.all(hosts.map((host) => drained(fleet, host))))
  await looked(() => drained(fleet, hosts[0] ?? '', ['x.service']))
  const text = await textOf(socket)
  t.match(text, /"settled":false/)
  t.ok(text.includes('"settled":true'))
  t.ok(text.endsWith('\r\n0\r\n\r\n'), 'the whole of it')
})

t.test('events: what is missed is sent again, from the last one that was seen', async (t) => {
  const { parts } = aFleet()
  const path = await openOnSocket(t, parts)
  for (const text of ['one', 'two', 'three']) parts.events.push(() => ({ what: 'gate-up', text }))
  const client = createApiClient({ kind: 'socket', path })
  const first = client.follow('/v1/events', fleetEvent, { lastEventId: `${instance.slice(0, 8)}-1` })
  t.equal((await first.next()).value?.value.text, 'two')
  const third = (await first.next()).value
  t.equal(third?.value.text, 'three')
  t.equal(third?.id, third?.value.id)
  parts.events.push(() => ({ what: 'gate-down', text: 'four', resource: 'postgresql' }))
  t.match((await first.next()).value?.value, { text: 'four', resource: 'postgresql', what: 'gate-down' })
  await first.return(undefined)
  const other = client.follow('/v1/events', fleetEvent, { lastEventId: 'of-another-start' })
  t.equal((await other.next()).value?.value.text, 'one', 'all that is kept where the id is not known')
  await other.return(undefined)
})

t.test('a reader that does not read is dropped', async (t) => {
  const { parts } = aFleet()
  const path = await openOnSocket(t, parts)
  const socket = connect(path)
  const dropped = new Promise((resolve) => socket.on('close', resolve).on('error', resolve))
  socket.write('GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n')
  await new Promise((resolve) => socket.once('readable', resolve))
  const text = 'x'.repeat(10_000)
  for (let sent = 0; sent < 200; sent += 1) {
    parts.events.push(() => ({ what: 'gate-up', text }))
    await new Promise((resolve) => setImmediate(resolve))
  }
  socket.resume()
  await dropped
  t.pass('its connection was ended')
})

t.test('the coordinator does not wait for open streams when it closes', async (t) => {
  const { parts } = aFleet()
  const dir = mkdtempSync(join(tmpdir(), 'guardian-api-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'api.sock')
  const app = createApi(parts, socketDoor)
  await listenOnSocket(app, path)
  const ended = new Promise((resolve) => {
    const asking = request({ socketPath: path, path: '/v1/events' }, (response) => {
      response.on('close', resolve).on('error', resolve)
      response.resume()
      void app.close()
    })
    asking.on('error', resolve)
    asking.end()
  })
  await ended
  t.pass('the stream was ended')
})

async function textOf(socket: Socket): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part)
  return Buffer.concat(parts).toString()
}

async function openOnSocket(t: Test, parts: ApiParts): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'guardian-api-'))
  const path = join(dir, 'api.sock')
  const app = createApi(parts, socketDoor)
  t.teardown(async () => {
    await app.close()
    rmSync(dir, { recursive: true })
  })
  await listenOnSocket(app, path)
  return path
}

async function all(path: string, url: string): Promise<readonly ProgressAnswer[]> {
  const seen: ProgressAnswer[] = []
  const client = createApiClient({ kind: 'socket', path })
  for await (const { value } of client.follow(url, progressAnswer)) seen.push(value)
  return seen
}

function hold({ parts }: Fleet): Promise<unknown> {
  const request = { id, operator: 'ann', selector: '*', message: '', dryRun: false }
  return parts.tell({ type: 'drain-asked', request })
}

async function up({ parts }: Fleet, host: string): Promise<void> {
  const hello = { type: 'hello', version: 2, host, bootId: 'e'.repeat(32), build: 'x', seen: null, clockMs: 1 } as const
  await parts.tell({ type: 'link-up', host, link: host, hello: { ...hello, targets: ['io-databases'] } })
  await parts.tell({ type: 'told', host, link: host, message: report('open', []) })
}

function drained({ parts }: Fleet, host: string, failed: string[] = []): Promise<unknown> {
  const held = { id, owner: 'operator:ann', message: '', sinceMs: 1, selector: '*', except: [] } as const
  return parts.tell({ type: 'told', host, link: host, message: report('drained', [{ ...held, except: [] }], failed) })
}

type Report = Extract<AgentMessage, { type: 'report' }>

function report(is: 'open' | 'drained', holds: Report['targets'][number]['holds'], failed: string[] = []): Report {
  const target = { target: 'io-databases', is, holds, durable: true, allowed: true, dependents: [], breaches: 0 }
  return {
    type: 'report',
    seen: null,
    targets: [{ ...target, dependentsLeftOut: 0, waitingFor: '', failed }],
    probes: [],
  }
}
