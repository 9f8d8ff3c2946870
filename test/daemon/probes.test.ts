import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import * as v from 'valibot'
import { checkOnce, probeSpec, startProbe, type Verdict } from '../../daemon/probe.ts'
import { portOf } from './psk-server.ts'
import { startPostgres, startRedis } from './real-databases.ts'

const never = new AbortController().signal
const run = promisify(execFile)

// A busy machine is no reason to call a real server silent.
function check(input: object): Promise<Verdict> {
  return checkOnce(v.parse(probeSpec, { timeout: '1min', ...input }), {}, never)
}

t.test('postgres: a real server that trusts everybody', async (t) => {
  await using server = await startPostgres({ auth: 'trust' })
  const { port, directory } = server
  const cases: readonly [name: string, more: object, verdict: Verdict][] = [
    ['an unknown role shows that it is up', {}, { ready: true, reason: 'accepts connections' }],
    ['by its unix socket', { host: directory }, { ready: true, reason: 'accepts connections' }],
    ['a known role sees that it is no standby', { user: 'owner' }, { ready: true, reason: 'accepts connections' }],
    [
      'an unknown database',
      { user: 'owner', database: 'none' },
      {
        ready: false,
        reason: 'role owner is refused (3D000): recovery cannot be seen',
      },
    ],
    [
      'recovery does not matter',
      { user: 'nobody-known', allowRecovery: true },
      {
        ready: true,
        reason: 'accepts connections, but not role nobody-known',
      },
    ],
  ]
  for (const [name, more, verdict] of cases) {
    t.strictSame(await check({ type: 'postgres', host: '127.0.0.1', port, ...more }), verdict, name)
  }
})

t.test('postgres: a real server that wants a password', async (t) => {
  await using server = await startPostgres({ auth: 'scram-sha-256' })
  const { port, directory } = server
  const base = { type: 'postgres', host: '127.0.0.1', port }
  t.strictSame(await check(base), { ready: true, reason: 'accepts connections' })
  t.match(await check({ ...base, user: 'owner' }), { ready: false, reason: /^role owner is refused/ })
  const passwordFile = join(directory, 'given')
  await writeFile(passwordFile, 'owners-password\n')
  t.strictSame(await check({ ...base, user: 'owner', passwordFile }), { ready: true, reason: 'accepts connections' })
  await writeFile(passwordFile, 'wrong')
  t.match(await check({ ...base, user: 'owner', passwordFile }), { ready: false, reason: /28P01/ })
})

t.test('postgres: a real standby is in recovery', async (t) => {
  await using server = await startPostgres({ auth: 'trust', standby: true })
  const base = { type: 'postgres', host: '127.0.0.1', port: server.port, user: 'owner' }
  t.strictSame(await check(base), { ready: false, reason: 'in recovery' })
  t.strictSame(await check({ ...base, allowRecovery: true }), { ready: true, reason: 'in recovery' })
})

t.test('postgres: a server that is not ready says so', async (t) => {
  const cases: readonly [name: string, code: string, verdict: Verdict][] = [
    ['starting', '57P03', { ready: false, reason: 'starting up or shutting down (57P03)' }],
    ['full', '53300', { ready: false, reason: 'too many connections (53300)' }],
    ['role refused', '28000', { ready: true, reason: 'accepts connections' }],
    ['password refused', '28P01', { ready: true, reason: 'accepts connections' }],
    ['anything else', 'XX000', { ready: false, reason: 'the fake says XX000' }],
  ]
  for (const [name, code, verdict] of cases) {
    await using server = await openTcp((socket) => socket.once('data', () => socket.end(postgresError(code))))
    t.strictSame(await check({ type: 'postgres', host: '127.0.0.1', port: server.port }), verdict, name)
  }
})

t.test('postgres: what ends an authentication tells whether the server is there', async (t) => {
  const asks = Buffer.from('R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0', 'latin1')
  const continues = Buffer.from('R\0\0\0\x08\0\0\0\x0b', 'latin1')
  const cases: readonly [name: string, more: object, next: (socket: Socket) => void, verdict: Verdict][] = [
    ['we have no password', {}, (socket) => socket.write(continues), { ready: true, reason: 'accepts connections' }],
    [
      'the server goes away',
      {},
      (socket) => socket.end(),
      { ready: false, reason: 'Connection terminated unexpectedly' },
    ],
    [
      'the password cannot be read',
      { passwordFile: '/nowhere/password' },
      () => {},
      { ready: false, reason: 'passwordFile /nowhere/password: no such file' },
    ],
  ]
  for (const [name, more, next, verdict] of cases) {
    await using server = await openTcp((socket) => {
      socket.once('data', () => {
        socket.write(asks)
        socket.once('data', () => next(socket))
      })
    })
    const spec = { type: 'postgres', host: '127.0.0.1', port: server.port, ...more }
    t.strictSame(await check(spec), verdict, name)
  }
})

t.test('redis: a real server', async (t) => {
  await using server = await startRedis()
  const ready = { ready: true, reason: 'answers PING' }
  t.strictSame(await check({ type: 'redis', host: '127.0.0.1', port: server.port }), ready)
  t.strictSame(await check({ type: 'redis', host: join(server.directory, 'redis.sock') }), ready)
  await run('redis-cli', ['-p', `${server.port}`, 'config', 'set', 'requirepass', 'secret'])
  t.strictSame(await check({ type: 'redis', host: '127.0.0.1', port: server.port }), ready, 'NOAUTH is up')
})

t.test('redis: a real replica without its master', async (t) => {
  const port = await closedPort()
  await using server = await startRedis(['--replicaof', `127.0.0.1 ${port}`, '--replica-serve-stale-data', 'no'])
  const verdict = await check({ type: 'redis', host: '127.0.0.1', port: server.port })
  t.strictSame(verdict, { ready: false, reason: 'a replica without its master (MASTERDOWN)' })
})

t.test('redis: a server that is not ready says so', async (t) => {
  const cases: readonly [answer: string, verdict: Verdict][] = [
    ['-LOADING Redis is loading the dataset in memory', { ready: false, reason: 'loading its data set (LOADING)' }],
    ['-BUSY Redis is busy', { ready: false, reason: 'busy with a script (BUSY)' }],
    ['-NOAUTH Authentication required.', { ready: true, reason: 'answers PING' }],
    ['-ERR max number of clients reached', { ready: false, reason: 'ERR max number of clients reached' }],
  ]
  for (const [answer, verdict] of cases) {
    await using server = await openTcp((socket) => socket.on('data', () => socket.write(`${answer}\r\n`)))
    t.strictSame(await check({ type: 'redis', host: '127.0.0.1', port: server.port }), verdict, answer)
  }
})

t.test('http: any good status, or the one that is asked for', async (t) => {
  const server = createHttpServer((request, response) => response.writeHead(Number(request.url?.slice(1))).end('body'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${portOf(server.address())}`
  t.strictSame(await check({ type: 'http', url: `${url}/204` }), { ready: true, reason: 'status 204' })
  t.strictSame(await check({ type: 'http', url: `${url}/302` }), { ready: true, reason: 'status 302' })
  t.strictSame(await check({ type: 'http', url: `${url}/503` }), { ready: false, reason: 'status 503' })
  t.strictSame(await check({ type: 'http', url: `${url}/401`, status: 401 }), { ready: true, reason: 'status 401' })
  t.strictSame(await check({ type: 'http', url: `${url}/200`, status: 401 }), { ready: false, reason: 'status 200' })
})

t.test('unit: what systemd says', async (t) => {
  const spec = v.parse(probeSpec, { type: 'unit', unit: 'postgresql.service' })
  const asked = (state: string) => checkOnce(spec, { unitState: async () => state }, never)
  t.strictSame(await asked('active'), { ready: true, reason: 'postgresql.service is active' })
  t.strictSame(await asked('reloading'), { ready: false, reason: 'postgresql.service is reloading' })
  t.strictSame(await check({ type: 'unit', unit: 'a.service' }), {
    ready: false,
    reason: 'no systemd to ask for units here',
  })
})

t.test('nobody listens, or nobody answers', async (t) => {
  await using silent = await openTcp(() => {})
  const closed = await closedPort()
  const at = (port: number): readonly object[] => [
    { type: 'postgres', host: '127.0.0.1', port },
    { type: 'redis', host: '127.0.0.1', port },
    { type: 'http', url: `http://127.0.0.1:${port}/` },
  ]
  for (const spec of [...at(closed), { type: 'tcp', host: '127.0.0.1', port: closed }]) {
    t.strictSame(await check(spec), { ready: false, reason: 'connection refused' })
  }
  const silence = { ready: false, reason: 'no answer in 200 ms' }
  for (const spec of at(silent.port)) t.strictSame(await check({ ...spec, timeout: '200ms' }), silence)
  t.strictSame(await check({ type: 'tcp', host: '127.0.0.1', port: silent.port }), {
    ready: true,
    reason: 'accepts connections',
  })
  t.strictSame(await check({ type: 'redis', host: '/nowhere/redis.sock' }), { ready: false, reason: 'no such file' })
  t.strictSame(await check({ type: 'postgres', host: '/nowhere' }), { ready: false, reason: 'no such file' })
  await silent.emptied()
})

t.test('a probe asks at once, again after its pause, now when told to, and never after its stop', async (t) => {
  let state = 'inactive'
  let asked = 0
  const unitState = async (): Promise<string> => {
    asked += 1
    return state
  }
  const spec = v.parse(probeSpec, { type: 'unit', unit: 'a.service', every: '1ms' })
  const slow = v.parse(probeSpec, { type: 'unit', unit: 'a.service', every: '1h' })
  const ready: boolean[] = []
  await new Promise<void>((resolve) => {
    const probe = startProbe(
      spec,
      (verdict) => {
        ready.push(verdict.ready)
        state = 'active'
        if (ready.length < 3) return
        probe.stop()
        resolve()
      },
      { unitState },
    )
  })
  t.strictSame(ready, [false, true, true])
  t.equal(asked, 3)
  let told = 0
  await new Promise<void>((resolve) => {
    const probe = startProbe(
      slow,
      () => {
        told += 1
        if (told === 1) return probe.checkNow()
        probe.stop()
        resolve()
      },
      { unitState },
    )
    probe.checkNow()
  })
  t.equal(told, 2)
})

t.test('a stop while it asks lets go of the connection and tells nobody', async (t) => {
  await using silent = await openTcp(() => {})
  for (const spec of [
    { type: 'postgres', host: '127.0.0.1', port: silent.port, timeout: '1h' },
    { type: 'redis', host: '127.0.0.1', port: silent.port, timeout: '1h' },
    { type: 'http', url: `http://127.0.0.1:${silent.port}/`, timeout: '1h' },
  ]) {
    const arrived = silent.next()
    const probe = startProbe(v.parse(probeSpec, spec), () => t.fail('told after its stop'), {})
    await arrived
    probe.stop()
    await silent.emptied()
  }
})

function postgresError(code: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0Mthe fake says ${code}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}

async function openTcp(onSocket: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.resume()
    onSocket(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: portOf(server.address()),
    next: () => once(server, 'connection'),
    async emptied() {
      for (const socket of sockets) await once(socket, 'close')
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function closedPort(): Promise<number> {
  await using server = await openTcp(() => {})
  return server.port
}
