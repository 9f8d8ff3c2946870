import t from 'tap'
import { readHosts } from '../../ctl/direct/hosts.ts'
import { asIoGuardian, runCtl } from '../../ctl/main.ts'
import { openV1Servers } from '../fakes/v1-server.ts'
import { fakeWorld } from '../fakes/world.ts'
import { hold, line, openDirect, target } from './direct-fleet.ts'

t.test('drain and undrain without a coordinator', async (t) => {
  const { agents, world, ctl } = await openDirect(t)
  t.equal(await ctl('drain', '-m', 'new kernel'), 0)
  const [held] = agents.agent('web1').holdsOf(target)
  t.match(held, { owner: 'direct', message: 'new kernel' })
  t.match(held?.id, /^direct\/[0-9a-f]{32}$/)
  t.equal(agents.agent('web2').stateOf(target), 'drained')
  t.match(world.said(), /web1 {2}drained\n/)
  t.match(world.said(), 'drained 2 hosts in')
  t.equal(await ctl('status'), 0)
  t.match(world.said(), '2 hosts: 2 drained')
  t.equal(await ctl('undrain'), 0)
  t.equal(agents.agent('web1').stateOf(target), 'open')
  t.match(world.said(), 'opened 2 hosts in')
})

t.test('a key of its own for each host', async (t) => {
  const { agents, ctl, world } = await openDirect(t, { derived: true })
  t.equal(await ctl('drain', target), 6, 'without --derived no host takes it')
  t.match(world.said(), 'web1, web2 refused: the agent does not accept our key')
  t.equal(agents.agent('web1').stateOf(target), 'undecided')
  t.equal(await ctl('--derived', 'drain', target), 0)
})

t.test('undrain releases what is its own, and says who else holds', async (t) => {
  const { agents, ctl, world } = await openDirect(t)
  const others = [hold('f'.repeat(32), 'operator:anna'), hold('direct/1', 'direct'), hold('direct/2', 'direct')]
  agents.agent('web1').put(target, 'drained', others)
  agents.agent('web2').put(target, 'drained', [hold('direct/1', 'direct')])
  t.equal(await ctl('undrain', '--dry-run'), 0)
  t.match(world.said(), 'would release direct/2 (direct) of io-databases on web1')
  t.equal(await ctl('undrain'), 6)
  t.match(world.said(), `web1 is still held: held by operator:anna (${'f'.repeat(32)})`)
  t.equal(agents.agent('web2').stateOf(target), 'open')
  t.equal(await ctl('undrain', '--hold', 'nope'), 2)
  t.match(world.complained(), `--hold nope: no host has it; they have ${'f'.repeat(32)} (operator:anna)`)
  t.equal(await ctl('undrain', '--hold', 'f'.repeat(32)), 0, 'one of another owner, on purpose')
  t.equal(agents.agent('web1').stateOf(target), 'open')
})

t.test('a host that is not there is named: exit 4', async (t) => {
  const { env, world } = await openDirect(t)
  const hosts = `${env.GUARDIAN_HOSTS},web3=127.0.0.1:1`
  t.equal(await runCtl(['--direct', '--hosts', hosts, 'drain'], world), 4)
  t.match(world.said(), 'drained 2 of 3 hosts')
  t.match(world.said(), /web3 is unreachable: .*ECONNREFUSED|web3 is unreachable: .*refused/)
  t.equal(await runCtl(['--direct', '--hosts', hosts, 'ping'], world), 4)
  t.match(world.said(), '2 of 3 hosts answered')
  t.equal(await runCtl(['--direct', '--hosts', hosts, 'status'], world), 4)
  t.match(world.said(), '1 unreachable')
})

t.test('an agent that restarts mid-drain is dialled again', async (t) => {
  const { agents, ctl } = await openDirect(t, { workMs: 300 })
  const running = ctl('drain', '--json')
  const web1 = agents.agent('web1')
  while (web1.stateOf(target) !== 'draining') await new Promise((resolve) => setImmediate(resolve))
  web1.dropLinks()
  t.equal(await running, 0)
  t.equal(web1.heard.filter(({ type }) => type === 'command').length, 2)
})

t.test('an agent that says nothing: exit 5 at the deadline', async (t) => {
  const { agents, ctl, world } = await openDirect(t, { workMs: 60_000 })
  const running = ctl('--timeout', '400ms', 'drain')
  t.equal(await running, 5)
  t.match(world.said(), /web1, web2 are not drained in time: no answer within/)
  t.ok(agents.agent('web1').holdsOf(target).length > 0)
})

t.test('a target that a host does not have', async (t) => {
  const { ctl, world } = await openDirect(t)
  t.equal(await ctl('drain', 'io-storage'), 3)
  t.match(world.said(), 'web1, web2 failed: has no target io-storage; it has io-databases')
})

t.test('Ctrl-C', async (t) => {
  const { agents, ctl, world } = await openDirect(t, { workMs: 60_000 })
  const running = ctl('drain')
  while (agents.agent('web2').stateOf(target) !== 'draining') await new Promise((resolve) => setImmediate(resolve))
  world.interrupt()
  t.equal(await running, 9)
  t.match(world.said().replaceAll('\n', ' '), 'what was ordered goes on')
})

t.test("IO Guardian's servers and its client's words", async (t) => {
  const { pskFile } = await openDirect(t)
  const servers = await openV1Servers({
    key: line,
    carryOut: (_host, action) =>
      action === 'undrain' ? { ok: false, text: 'Held by operator' } : { ok: true, text: 'Drained' },
  })
  t.teardown(() => servers[Symbol.asyncDispose]())
  const world = fakeWorld({ env: { GUARDIAN_PSK_FILE: pskFile, GUARDIAN_PORT: String(servers.port) } })
  const client = (...argv: readonly string[]) =>
    runCtl(['--direct', '--v1', '--hosts', '127.0.0.1', '--fail-fast', ...argv], world)
  t.equal(await client('--action', 'drain'), 3, 'it only acknowledges')
  t.equal(await client('--action=drain', '--trust-v1'), 0)
  t.equal(await client('--action', 'ping'), 0)
  t.equal(await client('--action', 'undrain'), 3)
  t.match(world.said(), '127.0.0.1 failed: Held by operator')
  t.equal(await runCtl(['--direct', '--v1', '--hosts', '127.0.0.1', 'status'], world), 0)
  t.strictSame(
    servers.carriedOut.map(({ action }) => action),
    ['drain', 'drain', 'undrain'],
  )
})

t.test('flags that need a coordinator are refused', async (t) => {
  const { ctl, world, agents } = await openDirect(t)
  for (const argv of [
    ['drain', '--for', '2h'],
    ['drain', '--host', 'web1'],
    ['drain', '--no-wait'],
    ['undrain', '--force'],
  ]) {
    t.equal(await ctl(...argv), 2, argv.join(' '))
  }
  t.match(world.complained(), '--for needs a coordinator')
  t.equal(await ctl('drain', '--dry-run'), 0)
  t.equal(agents.agent('web1').heard.length, 0)
})

const lists: readonly (readonly [
  text: string,
  hosts: readonly (readonly [host: string, address: string, port: number])[],
])[] = [
  ['web1', [['web1', 'web1', 9876]]],
  [
    ' web1 , web2:99 ',
    [
      ['web1', 'web1', 9876],
      ['web2', 'web2', 99],
    ],
  ],
  [
    'web1=198.18.0.11,web2=198.18.0.12:99',
    [
      ['web1', '198.18.0.11', 9876],
      ['web2', '198.18.0.12', 99],
    ],
  ],
  [
    '::1,[fe80::1]:99,a=[::2],b=::3',
    [
      ['::1', '::1', 9876],
      ['fe80::1', 'fe80::1', 99],
      ['a', '::2', 9876],
      ['b', '::3', 9876],
    ],
  ],
  ['', []],
]
for (const [text, hosts] of lists) {
  t.test(`--hosts ${JSON.stringify(text)}`, async (t) => {
    t.strictSame(
      readHosts(text, 9876).map(({ host, address, port }) => [host, address, port]),
      hosts,
    )
  })
}
for (const text of ['a b', 'a:0', 'a:70000', '=', 'a=', 'a:', '[::1', 'a/b']) {
  t.test(`--hosts ${JSON.stringify(text)} is refused`, async (t) => {
    t.throws(() => readHosts(text, 9876), { code: 'bad-request' })
  })
}

t.test("the original client's line", async (t) => {
  t.strictSame(asIoGuardian(['--hosts', 'a', '--action', 'drain', '--fail-fast']), ['--hosts', 'a', 'drain'])
  t.strictSame(asIoGuardian(['--action=ping', '--hosts', 'a']), ['ping', '--hosts', 'a'])
  t.strictSame(asIoGuardian(['status']), ['status'])
})
