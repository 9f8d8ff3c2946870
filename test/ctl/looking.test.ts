import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCtl } from '../../ctl/main.ts'
import { openFakeApi } from '../fakes/coordinator-api.ts'
import { fleetOf, holdStatus, hostStatus, instance } from '../fakes/fleet-status.ts'
import { type FakeWorldOptions, fakeWorld } from '../fakes/world.ts'

async function open(t: Test, options: FakeWorldOptions = {}) {
  const api = await openFakeApi(fleetOf({ holds: [holdStatus('a'.repeat(32))] }))
  t.teardown(() => api[Symbol.asyncDispose]())
  const world = fakeWorld({ ...options, env: { GUARDIAN_SOCKET: api.socket, ...options.env } })
  return { api, world, ctl: (...argv: readonly string[]) => runCtl(argv, world) }
}

const looks: readonly (readonly [argv: readonly string[], exit: number, text: string])[] = [
  [['status'], 0, '3 hosts: 3 open'],
  [['holds'], 0, 'operator:anna, for 2h10min, io-databases on web1'],
  [['hosts'], 0, 'HOST  ADDRESS'],
  [['hosts', 'web2,web3'], 0, 'web3'],
  [['host', 'web2'], 0, 'web2  198.18.0.11  @web  v2  guardian 0.1.0'],
  [['ping'], 0, '0 hosts answered'],
]
for (const [argv, exit, text] of looks) {
  t.test(argv.join(' '), async (t) => {
    const { world, ctl } = await open(t)
    t.equal(await ctl(...argv), exit)
    t.match(world.said(), text)
    const json = await open(t)
    t.equal(await json.ctl(...argv, '--json'), exit)
    t.type(JSON.parse(json.world.said()), 'object', 'is JSON')
  })
}

t.test('global flags stand before or after the command', async (t) => {
  const { world, ctl } = await open(t)
  t.equal(await ctl('--json', 'status'), 0)
  t.match(JSON.parse(world.said()), { build: 'guardian 0.1.0' })
})

t.test('exit codes of what is seen', async (t) => {
  const { api, world, ctl } = await open(t)
  api.status = fleetOf({
    superseded: { host: 'web1', seen: { epoch: 9, instance, revision: 1 } },
    hosts: [hostStatus('web1', { connected: false })],
  })
  t.equal(await ctl('status'), 6, 'superseded')
  t.equal(await ctl('host', 'web1'), 4, 'a host that is away')
  t.equal(await ctl('host', 'web9'), 2)
  t.match(world.complained(), 'no host is named web9; there are web1')
  t.equal(await ctl('hosts', 'nope*'), 2)
  t.equal(await ctl('hosts', '???('), 2)
  api.ping = { hosts: [{ host: 'web1', roundTripMs: null, reason: 'gone' }] }
  t.equal(await ctl('ping', '@web'), 4)
  t.equal(api.heard.at(-1), 'GET /v1/ping?selector=%40web')
})

t.test('status --watch draws again after an event, survives a restart, and ends by Ctrl-C', async (t) => {
  for (const isTTY of [false, true]) {
    const { api, world, ctl } = await open(t, { isTTY, env: { NO_COLOR: '1' } })
    const running = ctl('status', '--watch')
    await api.followed('/v1/events')
    await world.saw('3 open')
    api.status = fleetOf({ hosts: [hostStatus('web1'), hostStatus('web2', { connected: false })] })
    api.happen({ id: 'a-1', atMs: 1, what: 'host-lost', text: '', host: 'web2' })
    await world.saw('2 hosts: 1 open, 1 unreachable')
    await api.vanish()
    await api.comeBack()
    await api.followed('/v1/events')
    api.status = fleetOf({ hosts: [] })
    api.happen({ id: 'a-2', atMs: 1, what: 'gone', text: '' })
    await world.saw('0 hosts')
    world.interrupt()
    t.equal(await running, 0)
  }
})

t.test('status --watch ends where the coordinator refuses or cannot be understood', async (t) => {
  const { api, world, ctl } = await open(t)
  const good = api.status
  Reflect.set(api, 'status', { hosts: 3 })
  t.equal(await ctl('status', '--watch'), 1)
  t.match(world.complained(), 'is not as this guardian expects')
  api.status = good
  const running = ctl('status', '--watch')
  await world.saw('3 open')
  await api.followed('/v1/events')
  Reflect.set(api, 'status', { hosts: 3 })
  api.happen({ id: 'a-1', atMs: 1, what: 'gone', text: '' })
  t.equal(await running, 1)
})

t.test('status --watch and events -f end when nobody reads them any more', async (t) => {
  const { api, ctl, world } = await open(t)
  api.events.push({ id: 'a-1', atMs: 1, what: 'hold-taken', text: '' })
  const running = [ctl('status', '--watch'), ctl('events', '-f')]
  await api.followed('/v1/events', 2)
  await world.saw('3 open')
  await world.saw('hold-taken')
  world.stopReading()
  t.strictSame(await Promise.all(running), [0, 0])
})

t.test('events: what is kept, then what happens', async (t) => {
  const { api, world, ctl } = await open(t)
  for (const id of ['a-1', 'a-2']) api.events.push({ id, atMs: 1, what: 'hold-taken', text: `event ${id}` })
  t.equal(await ctl('events'), 0)
  t.match(world.said(), /event a-1\n.*event a-2\n$/)
  const follower = fakeWorld({ env: { GUARDIAN_SOCKET: api.socket } })
  const running = runCtl(['events', '-f', '--json'], follower)
  await api.followed('/v1/events')
  api.happen({ id: 'a-3', atMs: 1, what: 'hold-released', text: '' })
  await follower.saw('a-3')
  await api.vanish()
  await api.comeBack()
  await api.followed('/v1/events')
  api.happen({ id: 'a-4', atMs: 1, what: 'hold-released', text: '' })
  await follower.saw('a-4')
  follower.interrupt()
  t.equal(await running, 0)
  const ids = follower
    .said()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).id)
  t.strictSame(ids, ['a-1', 'a-2', 'a-3', 'a-4'], 'each once, also over a restart')
})

const wrong: readonly (readonly [argv: readonly string[], text: string])[] = [
  [[], 'Usage: guardian ctl'],
  [['bogus'], "unknown command 'bogus'"],
  [['status', 'extra'], 'too many arguments'],
  [['status', '--wat'], 'unknown option'],
  [['host'], "missing required argument 'NAME'"],
  [['drain', '--for', 'soon'], '--for soon: must be a duration'],
  [['drain', '--timeout', '0'], '--timeout 0: must be longer than nothing'],
  [['drain', '-m', 'bell \u0007'], '--message'],
  [['drain', 'no target'], '--target no target'],
  [['--hosts', 'a', 'status'], '--hosts is for agents that are spoken to without a coordinator'],
  [['--port', '99', 'status'], '--port is for agents'],
  [['--psk-file', 'x', 'status'], '--psk-file is for agents'],
  [['--derived', 'status'], '--derived is for agents'],
  [['--v1', 'status'], '--v1 is for agents'],
  [['--url', 'ftp://x', 'status'], '--url ftp://x: must be like http://host:9877'],
  [['--direct', 'status'], '--direct needs to know the agents'],
  [['--direct', '--hosts', 'a', 'status'], '--direct needs the key'],
  [['--direct', '--hosts', 'a b', '--psk-file', 'x', 'status'], '--hosts: cannot read "a b"'],
  [['--direct', '--port', '0', '--hosts', 'a', 'status'], '--port'],
  [['--direct', '--hosts', 'a', '--psk-file', 'x', 'status', '--watch'], '--watch needs a coordinator'],
  [['--direct', 'holds'], 'holds is what a coordinator knows'],
]
for (const [argv, text] of wrong) {
  t.test(`wrong usage: ${argv.join(' ')}`, async (t) => {
    const world = fakeWorld()
    t.equal(await runCtl(argv, world), 2)
    t.match(world.complained(), text)
    t.equal(world.said(), '')
  })
}

t.test('help of every command, with examples and without colour', async (t) => {
  for (const name of ['status', 'drain', 'undrain', 'holds', 'hosts', 'host', 'ping', 'events']) {
    const world = fakeWorld()
    t.equal(await runCtl([name, '--help'], world), 0)
    t.match(world.said(), `Usage: guardian ctl ${name}`)
    t.match(world.said(), 'Examples:')
  }
  const world = fakeWorld()
  t.equal(await runCtl(['--help'], world), 0)
  t.match(world.said(), 'Exit codes:')
  t.match(
    world.said().replaceAll(/\s+/g, ' '),
    'default 30min for drain and 5min for undrain, with --direct 90s for both; 10s for status and ping',
  )
})

t.test('over TCP with a token', async (t) => {
  const { api, world } = await open(t)
  const seen: (string | undefined)[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(request.headers.authorization === 'Bearer let-me-in' ? 200 : 401)
    const refusal = { code: 'unauthorised', message: 'a token is needed: --token-file' }
    response.end(JSON.stringify(request.headers.authorization === undefined ? refusal : api.status))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const bound = server.address()
  const url = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
  const token = join(api.directory, 'token')
  await writeFile(token, 'let-me-in\n')
  t.equal(await runCtl(['--url', url, '--token-file', token, 'status'], world), 0)
  t.equal(await runCtl(['--url', `${url}/`, 'status'], world), 6)
  t.match(world.complained(), 'a token is needed')
  t.equal(await runCtl(['--url', url, '--token-file', '/nowhere', 'status'], world), 2)
  await writeFile(token, 'two words')
  t.equal(await runCtl(['--url', url, '--token-file', token, 'status'], world), 2)
  t.strictSame(seen, ['Bearer let-me-in', undefined])
})

t.test('an answer that is none, and a coordinator that does not answer', async (t) => {
  const { api, world, ctl } = await open(t)
  Reflect.set(api, 'status', { hosts: 3 })
  t.equal(await ctl('status'), 1)
  t.match(world.complained(), 'is not as this guardian expects (at claim)')
  api.silent = true
  t.equal(await ctl('status', '--timeout', '100ms'), 9)
  t.match(world.complained(), 'did not answer within 100ms')
})

t.test('names for a shell, and silence where nobody answers', async (t) => {
  const { api, world, ctl } = await open(t)
  t.equal(await ctl('__complete', 'host'), 0)
  t.equal(await ctl('__complete', 'target'), 0)
  t.equal(await ctl('__complete', 'selector'), 0)
  t.equal(await ctl('__complete', 'hold'), 0)
  t.equal(await ctl('__complete', 'nonsense'), 0)
  const words = ['web1', 'web2', 'web3', 'io-databases', 'web1', 'web2', 'web3', '@web', 'a'.repeat(32), '']
  t.equal(world.said(), words.join('\n'))
  api.silent = true
  t.equal(await ctl('__complete', 'host'), 0)
  await api.vanish()
  t.equal(await ctl('__complete', 'host'), 0)
  t.equal(world.complained(), '')
})
