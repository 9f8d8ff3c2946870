import t from 'tap'
import { runCtl } from '../../ctl/main.ts'
import { openV1Servers } from '../fakes/v1-server.ts'
import { fakeWorld } from '../fakes/world.ts'
import { hold, openDirect, target } from './direct-fleet.ts'

const anna = hold('f'.repeat(32), 'operator:anna')
const two = [target, 'io-storage']

t.test('--hold orders the targets that carry it, and no other one', async (t) => {
  const { agents, ctl, world } = await openDirect(t, { targets: two })
  const [web1, web2] = [agents.agent('web1'), agents.agent('web2')]
  web1.put(target, 'drained', [anna])
  web1.put('io-storage', 'released')
  web2.put(target, 'released')
  t.equal(await ctl('undrain', '--hold', anna.id), 0)
  t.equal(web1.stateOf(target), 'open')
  t.match(world.said(), /opened 1 host in/)
  for (const [agent, other] of [[web1, 'io-storage'] as const, [web2, target] as const])
    t.equal(agent.stateOf(other), 'released', `${agent.host} ${other} is left alone`)
  const ordered = [...web1.heard, ...web2.heard].filter(({ type }) => type === 'command')
  t.match(ordered, [{ target, release: [anna.id] }])
  t.equal(ordered.length, 1)
})

t.test('--hold: the link is lost after the release, and the target is waited for all the same', async (t) => {
  const { agents, ctl } = await openDirect(t, { workMs: 300 })
  const web1 = agents.agent('web1')
  web1.put(target, 'drained', [anna])
  const running = ctl('undrain', '--hold', anna.id)
  while (web1.stateOf(target) !== 'opening') await new Promise((resolve) => setImmediate(resolve))
  web1.dropLinks()
  t.equal(await running, 0)
  t.equal(web1.stateOf(target), 'open')
})

t.test('--hold: its first signs are enough where they fit one', async (t) => {
  const { agents, ctl, world } = await openDirect(t)
  agents.agent('web1').put(target, 'drained', [anna, hold('direct/1', 'direct'), hold('direct/12', 'direct')])
  t.equal(await ctl('undrain', '--hold', 'direct/'), 2)
  t.match(world.complained(), '--hold direct/: 2 holds begin so')
  t.equal(await ctl('undrain', '--hold', 'direct/1'), 6, 'a whole id is no beginning')
  t.strictSame(
    agents
      .agent('web1')
      .holdsOf(target)
      .map(({ id }) => id),
    [anna.id, 'direct/12'],
  )
  t.equal(await ctl('undrain', '--hold', 'ffff', '--dry-run'), 0)
  t.match(world.said(), `would release ${anna.id} (operator:anna) of io-databases on web1`)
})

t.test('--dry-run tells of the target that was asked for', async (t) => {
  const { agents, ctl, world } = await openDirect(t, { targets: two })
  for (const one of two) agents.agent('web1').put(one, 'drained', [hold(`direct/${one}`, 'direct')])
  t.equal(await ctl('undrain', 'io-storage', '--dry-run'), 0)
  t.match(world.said(), 'direct/io-storage')
  t.notMatch(world.said(), 'direct/io-databases')
})

t.test('hosts that cannot be asked are named, with their exit code', async (t) => {
  const { agents, ctl, world, env } = await openDirect(t)
  agents.agent('web1').put(target, 'drained', [anna, hold('direct/1', 'direct')])
  const gone = ['--hosts', `${env.GUARDIAN_HOSTS},web3=127.0.0.1:1`]
  t.equal(await ctl(...gone, 'undrain', '--dry-run'), 4)
  t.match(world.said(), 'would release direct/1')
  t.match(world.said(), /^web3 {2}unreachable: no link/m)
  t.equal(await ctl(...gone, 'undrain', '--hold', 'nope'), 4)
  t.match(world.said(), 'no host that answers has hold nope')
  t.equal(await ctl(...gone, 'undrain', '--hold', 'direct/1', '--json'), 6, 'web1 is still held')
  t.equal(await ctl(...gone, 'undrain', '--hold', anna.id), 4, 'released where it was found')
  t.equal(agents.agent('web1').stateOf(target), 'open')
  t.match(world.said(), /opened 1 of 2 hosts in .*\n {2}web3 is unreachable/)
  t.equal(await runCtl(['--direct', '--hosts', 'web3=127.0.0.1:1', 'undrain', '--dry-run'], world), 4)
  t.notMatch(world.said(), 'would release nothing')
  t.match(world.said(), 'no host that answers has anything to release')
})

t.test('a key that no host accepts: exit 6', async (t) => {
  const { ctl, world } = await openDirect(t, { derived: true })
  for (const argv of [['undrain', '--dry-run'], ['undrain', '--hold', 'nope'], ['ping'], ['status']]) {
    t.equal(await ctl(...argv), 6, argv.join(' '))
    t.equal(await ctl(...argv, '--json'), 6, argv.join(' '))
  }
  t.match(world.said(), 'web1  refused: the agent does not accept our key')
})

t.test('an agent that says nothing any more is one that does not answer: exit 4', async (t) => {
  const { agents, ctl } = await openDirect(t, { names: ['web1'] })
  agents.agent('web1').silence()
  for (const argv of [['ping'], ['status'], ['undrain', '--dry-run']])
    t.equal(await ctl('--timeout', '300ms', ...argv), 4, argv.join(' '))
})

t.test('ping of nobody is no success', async (t) => {
  const { ctl, world } = await openDirect(t)
  t.equal(await ctl('ping', 'wbe1'), 2)
  t.match(world.complained(), 'wbe1 selects none of 2 hosts')
})

t.test('v1 hosts know no holds, and it is said', async (t) => {
  const { pskFile } = await openDirect(t)
  const servers = await openV1Servers({ key: 'another key of more than thirty-two characters' })
  t.teardown(() => servers[Symbol.asyncDispose]())
  const world = fakeWorld({ env: { GUARDIAN_PSK_FILE: pskFile, GUARDIAN_PORT: String(servers.port) } })
  const ctl = (...argv: readonly string[]) => runCtl(['--direct', '--v1', '--hosts', '127.0.0.1', ...argv], world)
  t.equal(await ctl('undrain', '--hold', 'v1/1'), 2)
  t.match(world.complained(), '--hold names what v1 hosts know nothing of')
  t.equal(await ctl('undrain', '--dry-run'), 0)
  t.match(world.said(), 'would undrain 127.0.0.1; nobody was contacted')
  t.strictSame(servers.carriedOut, [])
  t.equal(await ctl('ping'), 6, 'a wrong key')
})
