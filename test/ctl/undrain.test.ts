import t, { type Test } from 'tap'
import { runCtl } from '../../ctl/main.ts'
import type { HostProgress, ProgressAnswer, UndrainAnswer } from '../../protocol/api.ts'
import { openFakeApi } from '../fakes/coordinator-api.ts'
import { fleetOf, holdStatus, hostStatus, instance, progressOf, seatStatus } from '../fakes/fleet-status.ts'
import { fakeWorld } from '../fakes/world.ts'

const hosts = ['web1', 'web2', 'web3']
const anna = '3f2a90c1aaaaaaaaaaaaaaaaaaaaaaaa'
const gate = holdStatus(`postgresql/${instance}/4711`, { owner: 'gate:postgresql' })
const self = holdStatus('self/7777', { owner: 'self' })

async function open(t: Test) {
  const web2 = hostStatus('web2', { targets: [seatStatus({ holds: [self] })] })
  const api = await openFakeApi(
    fleetOf({
      hosts: [hostStatus('web1'), web2, hostStatus('web3')],
      holds: [holdStatus(anna, { hosts: ['web1', 'web2'] }), holdStatus('3f2b'.padEnd(32, '0')), gate],
    }),
  )
  t.teardown(() => api[Symbol.asyncDispose]())
  api.onUndrain = (): UndrainAnswer => ({ released: [anna], narrowed: [], hosts, stillHeld: [] })
  const world = fakeWorld({ env: { GUARDIAN_SOCKET: api.socket } })
  return { api, world, ctl: (...argv: readonly string[]) => runCtl(argv, world) }
}

function opened(states: readonly HostProgress[]): ProgressAnswer {
  const settled = states.every(({ is }) => is !== 'moving' && is !== 'waiting')
  return { want: 'open', settled, superseded: false, hosts: [...states] }
}

t.test('an undrain that goes well', async (t) => {
  const { api, world, ctl } = await open(t)
  api.progress = opened(hosts.map((host) => progressOf(host, 'done')))
  t.equal(await ctl('undrain', '--host', '@web'), 0)
  t.match(api.undrains, [{ selector: '@web', force: false, dryRun: false }])
  t.equal(api.heard.at(-1), 'GET /v1/progress?want=open&selector=%40web')
  t.match(world.said(), new RegExp(`^released ${anna}\nweb1 {2}open\nweb2 {2}open\nweb3 {2}open\nopened 3 hosts in`))
})

t.test('held by others: exit 6, and who', async (t) => {
  const { api, world, ctl } = await open(t)
  const stillHeld = [{ host: 'web1', target: 'io-databases', holds: [gate] }]
  api.onUndrain = () => ({ released: [], narrowed: [], hosts, stillHeld })
  api.progress = opened([
    progressOf('web1', 'held', { reason: 'gate:postgresql' }),
    progressOf('web2', 'done'),
    progressOf('web3', 'done'),
  ])
  t.equal(await ctl('undrain', 'io-databases'), 6)
  t.match(world.said(), 'released nothing: no hold of an operator lies wholly within this selection')
  t.match(world.said(), `still held by gate:postgresql (new kernel), ${gate.id}`)
  t.match(world.said(), 'web1 is still held: gate:postgresql')
  t.equal(await ctl('undrain', '--no-wait'), 6)
  t.match(world.said(), '2 hosts may open; nobody has waited for them')
  t.equal(await ctl('undrain', '--dry-run'), 6)
  t.equal(api.undrains.at(-1)?.dryRun, true)
})

t.test('a resource that does not come back', async (t) => {
  const { api, world, ctl } = await open(t)
  api.progress = opened([
    progressOf('web1', 'waiting', { reason: 'redis: LOADING' }),
    progressOf('web2', 'done'),
    progressOf('web3', 'done'),
  ])
  t.equal(await ctl('undrain', '--timeout', '200ms'), 5)
  t.match(world.said(), 'web1 is waiting: redis: LOADING')
})

const byHold: readonly (readonly [name: string, text: string, id: string])[] = [
  ['whole id', anna, anna],
  ['first signs', '3f2a', anna],
  ['a gate’s', 'postgresql/', gate.id],
  ['one that only an agent has', 'self', self.id],
]
for (const [name, text, id] of byHold) {
  t.test(`--hold: ${name}`, async (t) => {
    const { api, ctl } = await open(t)
    api.onUndrain = () => ({
      released: [id],
      narrowed: [],
      hosts,
      stillHeld: [{ host: 'web3', target: 'io-databases', holds: [gate] }],
    })
    // web3 is none of this hold's hosts: neither its trouble nor what holds it matters.
    api.progress = opened([progressOf('web1', 'done'), progressOf('web2', 'done'), progressOf('web3', 'held')])
    t.equal(await ctl('undrain', '--hold', text), 0)
    t.equal(api.undrains[0]?.hold, id)
  })
}

const refused: readonly (readonly [argv: readonly string[], text: string])[] = [
  [['--hold', '3f2'], '2 holds begin so'],
  [['--hold', 'nope'], 'there is no such hold'],
  [['--hold', anna, '--host', 'web1'], '--host beside it means nothing'],
  [['--hold', anna, '--force'], '--force beside it means nothing'],
  [['io-databases', '--hold', anna], 'a target beside it means nothing'],
  [['--hold', '../etc'], '--hold ../etc'],
]
for (const [argv, text] of refused) {
  t.test(`refused: undrain ${argv.join(' ')}`, async (t) => {
    const { api, world, ctl } = await open(t)
    t.equal(await ctl('undrain', ...argv), 2)
    t.match(world.complained(), text)
    t.equal(api.undrains.length, 0)
  })
}

t.test('Ctrl-C says how to drain again', async (t) => {
  const { api, world, ctl } = await open(t)
  api.progress = opened([progressOf('web1', 'moving')])
  const running = ctl('undrain', '--host', 'web1')
  await api.followed('/v1/progress')
  world.interrupt()
  t.equal(await running, 9)
  t.match(world.said(), 'guardian ctl drain --host web1')
})

t.test('a hold that was released already is not one that nobody holds', async (t) => {
  const { api, world, ctl } = await open(t)
  api.onUndrain = () => ({ released: [], narrowed: [], hosts, stillHeld: [] })
  api.progress = opened([progressOf('web1', 'done'), progressOf('web2', 'done')])
  t.equal(await ctl('undrain', '--hold', anna), 0)
  t.match(world.said(), /^released nothing: it was released before\n/)
})

const lost: readonly (readonly [argv: readonly string[], exit: number, asked: number])[] = [
  // It would release what others have taken in between.
  [[], 9, 1],
  [['--host', 'web1', '--force'], 9, 1],
  [['--hold', anna], 0, 2],
  [['--dry-run'], 0, 2],
]
for (const [argv, exit, asked] of lost) {
  t.test(`the answer is lost: undrain ${argv.join(' ')}`, async (t) => {
    const { api, world, ctl } = await open(t)
    const first = api.onUndrain
    api.onUndrain = (request) => {
      api.onUndrain = first
      api.cut()
      return first(request)
    }
    api.progress = opened(hosts.map((host) => progressOf(host, 'done')))
    t.equal(await ctl('undrain', ...argv), exit)
    t.equal(api.undrains.length, asked)
    if (exit === 9) t.match(world.complained(), 'Whether it took the order is unknown: see guardian ctl holds')
  })
}
