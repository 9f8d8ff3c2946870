import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import * as v from 'valibot'
import { commandLine, drainAgain } from '../../ctl/command-line.ts'
import { runCtl } from '../../ctl/main.ts'
import type { UndrainAnswer } from '../../protocol/api.ts'
import { limits } from '../../protocol/limits.ts'
import { openFakeApi } from '../fakes/coordinator-api.ts'
import { fleetOf, holdStatus, progressOf } from '../fakes/fleet-status.ts'
import { fakeWorld } from '../fakes/world.ts'
import { hold, openDirect, target } from './direct-fleet.ts'

const anna = '3f2a90c1aaaaaaaaaaaaaaaaaaaaaaaa'

/** What is said to undo an undrain whose watching was interrupted. */
async function undoOf(t: Test, argv: readonly string[], answer: Partial<UndrainAnswer> = {}): Promise<string> {
  const holds = [holdStatus(anna, { hosts: ['web1', 'web2'], targets: ['io-databases', 'io-storage'] })]
  const api = await openFakeApi(fleetOf({ holds }))
  t.teardown(() => api[Symbol.asyncDispose]())
  api.onUndrain = () => ({ released: [anna], narrowed: [], hosts: ['web1'], stillHeld: [], ...answer })
  api.progress = { want: 'open', settled: false, superseded: false, hosts: [progressOf('web1', 'moving')] }
  const world = fakeWorld({ columns: 400 })
  const running = runCtl(['undrain', '--socket', api.socket, ...argv], world)
  await api.followed('/v1/progress')
  world.interrupt()
  t.equal(await running, 9)
  return (/ Undo: (.*)\n/.exec(world.said())?.[1] ?? 'nothing').replaceAll(` --socket ${api.socket}`, '')
}

const undone: readonly (readonly [argv: readonly string[], undo: string])[] = [
  [['--host', 'web1'], 'guardian ctl drain --host web1'],
  [['io-databases', '--host', '@web&!web3'], "guardian ctl drain io-databases --host '@web&!web3'"],
  [['io-databases'], 'guardian ctl drain io-databases'],
  [[], 'guardian ctl drain'],
  [
    ['--hold', '3f2a'],
    'guardian ctl drain io-databases --host web1,web2; guardian ctl drain io-storage --host web1,web2',
  ],
]
for (const [argv, undo] of undone)
  t.test(`the undo of undrain ${argv.join(' ')}`, async (t) => t.equal(await undoOf(t, argv), undo))

t.test('where nothing was released there is nothing to undo', async (t) => {
  t.equal(await undoOf(t, [], { released: [] }), 'nothing')
})

t.test('a drain is undone at the same place', async (t) => {
  const api = await openFakeApi(fleetOf())
  t.teardown(() => api[Symbol.asyncDispose]())
  api.onDrain = ({ id }) => ({ hold: id, persisted: true, hosts: ['web1'], waves: [] })
  api.progress = { want: 'drained', settled: false, superseded: false, hosts: [progressOf('web1', 'moving')] }
  const world = fakeWorld({ columns: 400 })
  const running = runCtl(['--socket', api.socket, 'drain'], world)
  await api.followed('/v1/progress')
  world.interrupt()
  t.equal(await running, 9)
  t.match(world.said(), `Undo: guardian ctl --socket ${api.socket} undrain --hold ${api.drains[0]?.id}\n`)
})

t.test('the undo of a direct drain releases its hold alone', async (t) => {
  const { agents, env, pskFile } = await openDirect(t, { workMs: 60_000 })
  const world = fakeWorld({ env: { GUARDIAN_PORT: env.GUARDIAN_PORT }, columns: 400 })
  const flags = ['--direct', '--hosts', env.GUARDIAN_HOSTS, '--psk-file', pskFile]
  const running = runCtl([...flags, 'drain', target], world)
  while (agents.agent('web2').stateOf(target) !== 'draining') await new Promise((resolve) => setImmediate(resolve))
  world.interrupt()
  t.equal(await running, 9)
  const [held] = agents.agent('web1').holdsOf(target)
  t.match(world.said(), `Undo: guardian ctl ${flags.join(' ')} undrain --hold ${held?.id}\n`)
})

t.test('the undo of a direct undrain', async (t) => {
  const { agents, env, ctl, world } = await openDirect(t, { targets: [target, 'io-storage'], workMs: 60_000 })
  const web1 = agents.agent('web1')
  const said = (): string => world.said().replaceAll(/\s+/g, ' ')
  const cases: readonly (readonly [argv: readonly string[], undo: string])[] = [
    [['undrain', 'io-storage'], 'guardian ctl --direct drain io-storage'],
    [
      ['undrain', '--hold', 'direct/1'],
      `guardian ctl --direct --hosts web1=127.0.0.1:${env.GUARDIAN_PORT} drain io-storage`,
    ],
  ]
  for (const [argv, undo] of cases) {
    web1.put('io-storage', 'drained', [hold('direct/1', 'direct')])
    const running = ctl(...argv)
    while (web1.stateOf('io-storage') !== 'opening') await new Promise((resolve) => setImmediate(resolve))
    world.interrupt()
    t.equal(await running, 9)
    t.match(said(), `Undo: ${undo} `.trim())
  }
})

t.test('a v1 host has no hold that could be named', async (t) => {
  const { pskFile } = await openDirect(t)
  const world = fakeWorld({ env: { GUARDIAN_PSK_FILE: pskFile }, columns: 400 })
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const host = `127.0.0.1:${v.parse(v.object({ port: v.number() }), silent.address()).port}`
  const running = runCtl(['--direct', '--v1', '--hosts', host, 'drain'], world)
  const [socket] = await once(silent, 'connection')
  world.interrupt()
  t.equal(await running, 9)
  t.match(world.said(), `Undo: guardian ctl --direct --hosts ${host} --v1 undrain\n`)
  socket.destroy()
  silent.close()
})

t.test('a shell reads the words as they were', async (t) => {
  const words = ['@web&!web3', 'a,b', '*', "it's", '$HOME `x` "y"', 'a b', '~', '']
  const line = commandLine({ '--direct': true, '--psk-file': 'my key' }, words)
  const { stdout } = await promisify(execFile)('bash', ['-c', `guardian() { printf '%s\\n' "$@"; }; ${line}`])
  t.strictSame(stdout, `${['ctl', '--direct', '--psk-file', 'my key', ...words].join('\n')}\n`)
  t.equal(commandLine({}, ['drain', '--host', 'a,b']), 'guardian ctl drain --host a,b', 'what needs no quotes has none')
})

t.test('as many hosts in one command as a selector may name', async (t) => {
  const seats = Array.from({ length: 100 }, (_, at) => ({ host: `web${at}.example`, target }))
  const lists = (drainAgain({}, seats) ?? '').split('; ').map((line) => line.split(' ').at(-1) ?? '')
  t.strictSame(
    lists.flatMap((list) => list.split(',')),
    seats.map(({ host }) => host),
  )
  t.ok(lists.length > 1 && lists.every((list) => list.length <= limits.messageLength))
  t.equal(drainAgain({}, []), null)
})
