import { chmod, writeFile } from 'node:fs/promises'
import t from 'tap'
import { monotonicMs } from '../../daemon/clock.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { progressOf } from '../fakes/fleet-status.ts'
import { openV1Servers } from '../fakes/v1-server.ts'
import { until } from '../hosts/until.ts'
import { bootId, drained, line, openGate, target } from './ready.ts'

type Ready = Awaited<ReturnType<typeof openGate>>
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
    const ready = await openGate(t)
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
  const { api, gate, agents, log } = await openGate(t)
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
  const { api, gate, agents } = await openGate(t, { silenceMs: 150 })
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
  const order = await openGate(t, { hosts: ['app1', 'web1', 'web2'], waves: ['@web', '@app'], workMs: 100 })
  await order.api.vanish()
  t.equal(await order.gate('down'), 0)
  const lines = order.log.lines.filter((one) => one.includes('"event":"drained"'))
  t.match(lines[2], '"host":"app1"', 'the last wave ends last')

  const late = await openGate(t, { hosts: ['app1', 'web1'], waves: ['@web', '@app'], gateDeadline: '2s', workMs: 100 })
  await late.api.vanish()
  late.agents.agent('web1').silence()
  const startedMs = monotonicMs()
  t.equal(await late.gate('down'), 4, 'web1 says nothing')
  t.ok(monotonicMs() - startedMs < 2_000)
  t.equal(late.agents.agent('app1').stateOf(target), 'drained', 'the second wave did not wait for ever')
})

t.test('direct: an agent that is not done in time', async (t) => {
  const { api, gate, log } = await openGate(t, { gateDeadline: '1s', workMs: 60_000 })
  await api.vanish()
  t.equal(await gate('down'), 5)
  t.match(log.text(), /warn not drained in time .*"host":"web1"/)
})

t.test('direct: an agent whose hold somebody released while it stopped', async (t) => {
  const { api, gate, log, agents } = await openGate(t, { workMs: 300 })
  await api.vanish()
  const ended = gate('down')
  const web1 = agents.agent('web1')
  await until('web1 stops', async () => web1.stateOf(target) === 'draining')
  web1.rehold(target, [{ id: 'x', owner: 'operator:ann', message: '', sinceMs: 0, selector: '*', except: [] }])
  t.equal(await ended, 3, 'whoever opens it next knows nothing of the gate')
  t.match(log.text(), /somebody released its hold while it stopped/)
})

t.test('direct: a host that comes up within its grace is drained, one that does not is named', async (t) => {
  const { api, gate, agents, log, config, file } = await openGate(t)
  const gone = { ...config, hosts: { ...config.hosts, web9: { address: '127.0.0.9', port: 1 } } }
  await writeFile(file('coordinator.json'), JSON.stringify(gone))
  await api.vanish()
  t.equal(await gate('down'), 4)
  t.equal(agents.agent('web1').stateOf(target), 'drained')
  t.match(log.text(), /warn unreachable .*"host":"web9"/)
})

t.test('direct: a token of the API that cannot be read keeps no host from being drained', async (t) => {
  const tokens = [{ name: 'prometheus', file: '/nowhere/token', may: 'read' }]
  const { api, gate, agents } = await openGate(t, { config: { api: { tokens } } })
  await api.vanish()
  t.equal(await gate('down'), 0)
  t.equal(agents.agent('web1').stateOf(target), 'drained')
})

t.test('direct: a key that cannot be read fails the hosts that need it, and no other', async (t) => {
  const ready = await openGate(t)
  const old1 = { address: '127.0.0.1', port: 1, protocol: 'v1' }
  const v1PskFile = ready.file('v1-psk')
  await writeFile(v1PskFile, line)
  await chmod(v1PskFile, 0o644)
  const config = { ...ready.config, v1PskFile, hosts: { ...ready.config.hosts, old1 } }
  await writeFile(ready.file('coordinator.json'), JSON.stringify(config))
  await ready.api.vanish()
  t.equal(await ready.gate('down'), 3)
  t.match(ready.log.text(), /warn failed to drain .*"host":"old1".*v1-psk: others may read it/)
  t.match(ready.log.text(), /"drained":3,"of":4/)
})

t.test('direct: without its certificate a gate orders the v1 hosts all the same', async (t) => {
  const ready = await openGate(t)
  const servers = await openV1Servers({ key: line })
  t.teardown(() => servers[Symbol.asyncDispose]())
  const old1 = { address: '127.0.0.1', port: servers.port, protocol: 'v1' }
  const tls = { cert: '/nowhere/cert', key: '/nowhere/key', ca: '/nowhere/ca' }
  const config = { ...ready.config, v1PskFile: ready.file('psk'), tls, hosts: { ...ready.config.hosts, old1 } }
  await writeFile(ready.file('coordinator.json'), JSON.stringify(config))
  await ready.api.vanish()
  t.equal(await ready.gate('down'), 3)
  t.match(ready.log.text(), /warn failed to drain .*"host":"web1".*\/nowhere\/cert/)
  t.match(ready.log.text(), 'acknowledged the drain')
})

t.test('direct: v1 hosts by v1', async (t) => {
  const ready = await openGate(t)
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
