import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { monotonicMs } from '../../daemon/clock.ts'
import { runGate } from '../../gate/main.ts'
import type { GateLog } from '../../gate/report.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { parseKeys } from '../../protocol/keys.ts'
import { openFakeApi } from '../fakes/coordinator-api.ts'
import { fleetOf, progressOf } from '../fakes/fleet-status.ts'
import { openV1Servers } from '../fakes/v1-server.ts'
import { openFakeAgents } from '../fakes/v2-agent.ts'

const line = 'a key of more than thirty-two characters'
const [key] = parseKeys(line, 'test')
const bootId = '0123456789abcdef0123456789abcdef'
const target = 'io-databases'

interface Options {
  readonly hosts?: readonly string[]
  readonly waves?: readonly string[]
  readonly gateDeadline?: string
  readonly workMs?: number
  readonly config?: object
  readonly silenceMs?: number
}

/** The lines of a log, each as level, fields and text in one. */
function keptLog(): GateLog & { readonly lines: readonly string[]; text(): string } {
  const lines: string[] = []
  const keep = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  }
  return { lines, info: keep('info'), warn: keep('warn'), error: keep('error'), text: () => lines.join('\n') }
}

async function open(t: Test, options: Options = {}) {
  const { hosts = ['web1', 'web2', 'web3'], gateDeadline = '20s', workMs = 20, waves = [] } = options
  const api = await openFakeApi(fleetOf())
  t.teardown(() => api[Symbol.asyncDispose]())
  const directory = await mkdtemp(join(tmpdir(), 'guardian-gate-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const keyOf = (host: string) => (key === undefined ? [] : [key.derive(host)])
  const agents = await openFakeAgents({ hosts, keyOf, workMs, address: '0.0.0.0' })
  t.teardown(() => agents[Symbol.asyncDispose]())
  const gateDir = join(directory, 'gates')
  await mkdir(gateDir)
  const file = (name: string) => join(directory, name)
  await writeFile(file('psk'), line, { mode: 0o600 })
  await writeFile(file('boot'), bootId)
  const dials = hosts.map((host, at) => [
    host,
    { address: `127.0.0.${at + 1}`, port: agents.port, tags: [host.slice(0, 3)] },
  ])
  const config = {
    runtimeDir: api.directory,
    gateDir,
    bootIdFile: file('boot'),
    pskFile: file('psk'),
    hosts: Object.fromEntries(dials),
    resources: { postgresql: { gate: 'local', gateDeadline }, redis: {} },
    targets: { [target]: { needs: ['postgresql'], waves, drainDeadline: '1s' } },
    unreachableGrace: '300ms',
    ...options.config,
  }
  await writeFile(file('coordinator.json'), JSON.stringify(config))
  const log = keptLog()
  const ended = new AbortController()
  const gate = (state: 'up' | 'down', resource = 'postgresql') => {
    const silence = options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }
    const parts = { startedMs: monotonicMs(), env: {}, signal: ended.signal, log, ...silence }
    return runGate({ state, resource, config: file('coordinator.json') }, parts)
  }
  const record = async (): Promise<unknown> => JSON.parse(await readFile(join(gateDir, 'postgresql'), 'utf8'))
  return { api, agents, gate, log, gateDir, directory, record, config, file, end: () => ended.abort() }
}

function drained(...states: readonly ReturnType<typeof progressOf>[]) {
  const settled = states.every(({ is }) => is !== 'moving' && is !== 'waiting')
  return { want: 'drained' as const, settled, superseded: false, hosts: [...states] }
}

t.test('up: recorded, told, no host waited for', async (t) => {
  const { api, gate, record, log, gateDir } = await open(t)
  api.onGate = () => ({ hold: null })
  t.equal(await gate('up'), 0)
  const first = await record()
  t.match(first, { state: 'up', bootId })
  t.match(api.gates, [{ resource: 'postgresql', request: { state: 'up', bootId, limitMs: 20_000 } }])
  t.equal(await gate('up'), 0)
  t.strictSame(await record(), first, 'the same state is no change')
  t.strictSame(await readdir(gateDir), ['postgresql'], 'nothing is left beside it')
  t.match(log.text(), 'info up')
})

t.test('up: where nobody answers it is recorded all the same, exit 0', async (t) => {
  const { api, gate, record, log } = await open(t)
  api.silent = true
  t.equal(await gate('up'), 0)
  await api.vanish()
  t.equal(await gate('up'), 0)
  t.match(await record(), { state: 'up' })
  t.match(log.text(), 'recorded for later')
})

t.test('up: what cannot be recorded is not told, and fails', async (t) => {
  const { api, gate, gateDir, log } = await open(t)
  await rm(gateDir, { recursive: true })
  await writeFile(gateDir, 'a file where the directory should be')
  t.equal(await gate('up'), 3)
  t.strictSame(api.gates, [])
  t.match(log.text(), 'cannot be written')
})

t.test('down: follows the coordinator until all are drained', async (t) => {
  const { api, gate, record, log, agents } = await open(t)
  let before: unknown
  api.onGate = (_resource, { seq }) => {
    before = seq
    return { hold: `postgresql/${bootId}/${seq}` }
  }
  api.progress = drained(progressOf('web1', 'moving'), progressOf('web2', 'waiting'))
  const running = gate('down')
  await api.followed('/v1/progress')
  t.match(await record(), { state: 'down', seq: before }, 'written before anybody is told')
  api.tell(drained(progressOf('web1', 'done'), progressOf('web2', 'moving')))
  api.tell(drained(progressOf('web1', 'done'), progressOf('web2', 'done')))
  t.equal(await running, 0)
  t.equal(
    api.heard.at(-1),
    `GET /v1/progress?want=drained&hold=${encodeURIComponent(`postgresql/${bootId}/${before}`)}`,
  )
  t.match(log.text(), 'info drained {"resource":"postgresql","host":"web1","target":"io-databases","event":"drained"}')
  t.match(log.text(), /"drained":2,"of":2/)
  t.equal(agents.accepted, 0, 'no agent is ordered beside the coordinator')
})

t.test('down: nothing needs it', async (t) => {
  const { api, gate, log } = await open(t)
  api.onGate = () => ({ hold: null })
  t.equal(await gate('down'), 0)
  t.match(log.text(), 'nothing to drain')
})

t.test('down: hosts that did not make it are named, and the exit code says so', async (t) => {
  const { api, gate, log } = await open(t)
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'done'), progressOf('web2', 'unreachable', { reason: 'gone' }))
  t.equal(await gate('down'), 4)
  t.match(log.text(), /error not every host is drained .*"hosts":"web2"/)
})

t.test('down: the deadline is kept', async (t) => {
  const { api, gate, log, agents } = await open(t, { gateDeadline: '1s' })
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'done'), progressOf('web2', 'moving', { units: ['app.service'] }))
  const startedMs = monotonicMs()
  t.equal(await gate('down'), 5)
  t.ok(monotonicMs() - startedMs < 1_000, 'before systemd’s limit')
  t.match(log.text(), 'warn still draining {"resource":"postgresql","host":"web2"')
  t.equal(agents.accepted, 0)
})

t.test('down: ended from outside', async (t) => {
  const { api, gate, log, end } = await open(t)
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'moving'))
  const running = gate('down')
  await api.followed('/v1/progress')
  end()
  t.equal(await running, 9)
  t.match(log.text(), 'ended from outside')
})

type Ready = Awaited<ReturnType<typeof open>>
const fallbacks: readonly (readonly [name: string, prepare: (ready: Ready) => Promise<void>, why: string])[] = [
  ['is not there', async ({ api }) => api.vanish(), 'does not answer: no coordinator socket'],
  [
    'is silent',
    async ({ api }) => {
      api.silent = true
    },
    'did not answer within 2s',
  ],
  [
    'is superseded',
    async ({ api }) => {
      api.onGate = () => {
        throw new GuardianError('superseded', 'another one')
      }
    },
    'has been superseded: another one',
  ],
  [
    'says mid-drain that it is superseded',
    async ({ api }) => {
      api.onGate = () => ({ hold: 'postgresql/x/1' })
      api.progress = { ...drained(progressOf('web1', 'moving')), superseded: true }
    },
    'has been superseded',
  ],
  [
    'does not know the hold that it gave',
    async ({ api }) => {
      api.onGate = () => ({ hold: 'postgresql/x/1' })
    },
    'no such hold',
  ],
]
for (const [name, prepare, why] of fallbacks) {
  t.test(`down: the coordinator ${name}: the agents are ordered directly`, async (t) => {
    const ready = await open(t)
    await prepare(ready)
    const { gate, agents, log, record } = ready
    t.equal(await gate('down'), 0)
    const written = await record()
    for (const host of ['web1', 'web2', 'web3']) {
      const [hold, ...more] = agents.agent(host).holdsOf(target)
      t.equal(agents.agent(host).stateOf(target), 'drained')
      t.match(hold, { owner: 'gate:postgresql', id: `postgresql/${bootId}/${Reflect.get(Object(written), 'seq')}` })
      t.strictSame(more, [])
    }
    t.match(log.text(), 'warn ordering the agents directly')
    t.match(log.text(), why)
    t.match(log.text(), /"drained":3,"of":3/)
  })
}

t.test('down: the coordinator drops mid-drain', async (t) => {
  const { api, gate, agents, log } = await open(t)
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'done'), progressOf('web2', 'moving'), progressOf('web3', 'moving'))
  const running = gate('down')
  await api.followed('/v1/progress')
  await api.vanish()
  t.equal(await running, 0)
  t.equal(agents.agent('web2').stateOf(target), 'drained')
  t.match(log.text(), 'ordering the agents directly')
})

t.test('down: a coordinator that hangs mid-drain is asked, then given up', async (t) => {
  const { api, gate, agents } = await open(t, { silenceMs: 150 })
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'moving'))
  const running = gate('down')
  await api.followed('/v1/progress')
  await api.followed('/v1/progress')
  const asked = api.heard.length
  // Silent, but alive: it is asked and followed on.
  while (api.heard.length < asked + 2) await new Promise((resolve) => setTimeout(resolve, 10))
  t.equal(agents.accepted, 0)
  api.silent = true
  t.equal(await running, 0)
  t.equal(agents.agent('web1').stateOf(target), 'drained')
})

t.test('direct: waves in order, then all at once past half of the time', async (t) => {
  const order = await open(t, { hosts: ['app1', 'web1', 'web2'], waves: ['@web', '@app'], workMs: 100 })
  await order.api.vanish()
  t.equal(await order.gate('down'), 0)
  const lines = order.log.lines.filter((one) => one.includes('"event":"drained"'))
  t.match(lines[2], '"host":"app1"', 'the last wave ends last')

  const late = await open(t, { hosts: ['app1', 'web1'], waves: ['@web', '@app'], gateDeadline: '2s', workMs: 100 })
  await late.api.vanish()
  late.agents.agent('web1').silence()
  const startedMs = monotonicMs()
  t.equal(await late.gate('down'), 4, 'web1 says nothing')
  t.ok(monotonicMs() - startedMs < 2_000)
  t.equal(late.agents.agent('app1').stateOf(target), 'drained', 'the second wave did not wait for ever')
})

t.test('direct: an agent that is not done in time', async (t) => {
  const { api, gate, log } = await open(t, { gateDeadline: '1s', workMs: 60_000 })
  await api.vanish()
  t.equal(await gate('down'), 5)
  t.match(log.text(), /warn not drained in time .*"host":"web1"/)
})

t.test('direct: a host that comes up within its grace is drained, one that does not is named', async (t) => {
  const { api, gate, agents, log, config, file } = await open(t)
  const gone = { ...config, hosts: { ...config.hosts, web9: { address: '127.0.0.9', port: 1 } } }
  await writeFile(file('coordinator.json'), JSON.stringify(gone))
  await api.vanish()
  t.equal(await gate('down'), 4)
  t.equal(agents.agent('web1').stateOf(target), 'drained')
  t.match(log.text(), /warn unreachable .*"host":"web9"/)
})

t.test('direct: v1 hosts by v1', async (t) => {
  const ready = await open(t)
  const servers = await openV1Servers({ key: line })
  t.teardown(() => servers[Symbol.asyncDispose]())
  const old1 = { address: '127.0.0.1', port: servers.port, protocol: 'v1' }
  const config = { ...ready.config, v1PskFile: ready.file('psk'), hosts: { ...ready.config.hosts, old1 } }
  await writeFile(ready.file('coordinator.json'), JSON.stringify(config))
  await ready.api.vanish()
  t.equal(await ready.gate('down'), 3, 'acknowledged is not drained')
  t.match(ready.log.text(), 'acknowledged the drain, which v1 cannot confirm')
  t.strictSame(
    servers.carriedOut.map(({ action }) => action),
    ['drain'],
  )
})

t.test('down: where it cannot be recorded the hosts are drained all the same: exit 3', async (t) => {
  const { api, gate, gateDir, log } = await open(t)
  await rm(gateDir, { recursive: true })
  await writeFile(gateDir, '')
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'done'))
  t.equal(await gate('down'), 3)
  t.equal(api.gates.length, 1)
  t.match(log.text(), 'cannot be written')
})

t.test('a mistake in the configuration stops no drain that the coordinator can do', async (t) => {
  const { api, gate, log, config, file, record } = await open(t)
  await writeFile(file('coordinator.json'), JSON.stringify({ ...config, hostss: {} }))
  api.onGate = () => ({ hold: 'postgresql/x/1' })
  api.progress = drained(progressOf('web1', 'done'))
  t.equal(await gate('down'), 0)
  t.match(await record(), { state: 'down' })
  t.match(log.text(), 'goes on with what can be read of the configuration')
  await api.vanish()
  t.equal(await gate('down'), 2)
  t.match(log.text(), 'knows no host to order itself')
})

t.test('a resource without a gate here', async (t) => {
  const { api, gate, log } = await open(t)
  t.equal(await gate('down', 'redis'), 6)
  t.match(log.text(), 'resources.redis.gate must be \\"local\\"'.replaceAll('\\', ''))
  t.equal(await gate('up', 'nonsense'), 2)
  t.match(log.text(), 'no resource is named nonsense; there is postgresql, redis')
  t.strictSame(api.gates, [])
})

t.test('without a key the gate says which', async (t) => {
  const { api, gate, log, file } = await open(t)
  await chmod(file('psk'), 0o644)
  await api.vanish()
  t.equal(await gate('down'), 2)
  t.match(log.text(), 'others may read it')
  t.notMatch(log.text(), line)
})

t.test('an unreadable record begins anew, above', async (t) => {
  const { api, gate, gateDir, record } = await open(t)
  api.onGate = () => ({ hold: null })
  for (const text of [
    '',
    'garbage',
    '{"state":"up"}',
    JSON.stringify({ state: 'up', seq: 3, bootId: 'f'.repeat(32) }),
  ]) {
    await writeFile(join(gateDir, 'postgresql'), text)
    t.equal(await gate('up'), 0)
    const seq = Number(Reflect.get(Object(await record()), 'seq'))
    t.ok(seq > 1_000, `${seq} is of this boot's clock`)
  }
})
