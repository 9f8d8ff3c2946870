import t, { type Test } from 'tap'
import { runCtl } from '../../ctl/main.ts'
import type { DrainAnswer, HostProgress, ProgressAnswer } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { openFakeApi } from '../fakes/coordinator-api.ts'
import { fleetOf, progressOf } from '../fakes/fleet-status.ts'
import { type FakeWorldOptions, fakeWorld } from '../fakes/world.ts'

const hosts = ['web1', 'web2', 'web3']

async function open(t: Test, options: FakeWorldOptions = {}) {
  const api = await openFakeApi(fleetOf())
  t.teardown(() => api[Symbol.asyncDispose]())
  api.onDrain = ({ id }): DrainAnswer => ({
    hold: id,
    persisted: true,
    hosts,
    waves: [{ target: 'io-databases', hosts }],
  })
  const world = fakeWorld({ ...options, env: { GUARDIAN_SOCKET: api.socket, SUDO_USER: 'anna', ...options.env } })
  return { api, world, ctl: (...argv: readonly string[]) => runCtl(argv, world) }
}

function drained(states: readonly HostProgress[], more: Partial<ProgressAnswer> = {}): ProgressAnswer {
  const settled = states.every(({ is }) => is !== 'moving' && is !== 'waiting')
  return { want: 'drained', settled, superseded: false, hosts: [...states], ...more }
}
const all = (is: HostProgress['is']): ProgressAnswer => drained(hosts.map((host) => progressOf(host, is)))

t.test('a drain that goes well', async (t) => {
  const { api, world, ctl } = await open(t)
  api.progress = all('moving')
  const running = ctl('drain', 'io-databases', '--host', '@web', '-m', 'new kernel', '--for', '2h')
  await api.followed('/v1/progress')
  api.tell(drained([progressOf('web1', 'done'), progressOf('web2', 'moving'), progressOf('web3', 'moving')]))
  await world.saw('web1  drained')
  api.tell(all('done'))
  t.equal(await running, 0)
  const [request] = api.drains
  t.match(request, { target: 'io-databases', selector: '@web', message: 'new kernel', forMs: 7_200_000, dryRun: false })
  t.match(request?.id, /^[0-9a-f]{32}$/)
  t.equal(api.heard[1], `GET /v1/progress?want=drained&hold=${request?.id}`)
  t.match(world.said(), /^web1 {2}drained\nweb2 {2}drained\nweb3 {2}drained\ndrained 3 hosts in [\d.]+m?s\n$/)
  t.equal(world.complained(), '')
})

const endings: readonly (readonly [name: string, progress: ProgressAnswer, argv: readonly string[], exit: number])[] = [
  ['all done', all('done'), [], 0],
  [
    'one failed',
    drained([progressOf('web1', 'done'), progressOf('web2', 'failed'), progressOf('web3', 'unreachable')]),
    [],
    3,
  ],
  [
    'one unreachable',
    drained([progressOf('web1', 'done'), progressOf('web2', 'done'), progressOf('web3', 'unreachable')]),
    [],
    4,
  ],
  [
    'one late',
    drained([progressOf('web1', 'done'), progressOf('web2', 'done'), progressOf('web3', 'deadline')]),
    [],
    5,
  ],
  [
    'one not persisted',
    drained([progressOf('web1', 'not-persisted'), progressOf('web2', 'done'), progressOf('web3', 'done')]),
    [],
    3,
  ],
  [
    'one only acknowledged',
    drained([progressOf('web1', 'acknowledged'), progressOf('web2', 'done'), progressOf('web3', 'done')]),
    [],
    3,
  ],
  [
    'its word is trusted',
    drained([progressOf('web1', 'acknowledged'), progressOf('web2', 'done'), progressOf('web3', 'done')]),
    ['--trust-v1'],
    0,
  ],
  ['superseded', { ...all('done'), superseded: true }, [], 6],
  ['a host that is no longer told of', drained([progressOf('web1', 'done'), progressOf('web2', 'done')]), [], 3],
]
for (const [name, progress, argv, exit] of endings) {
  t.test(`exit ${exit}: ${name}`, async (t) => {
    const { api, world, ctl } = await open(t)
    api.progress = progress
    t.equal(await ctl('drain', ...argv), exit)
    for (const { host, is } of progress.hosts) if (is !== 'done') t.match(world.said(), host)
    const json = await open(t)
    json.api.progress = progress
    t.equal(await json.ctl('drain', '--json', ...argv), exit)
    t.match(JSON.parse(json.world.said()), { exit, want: 'drained', ending: 'settled' })
  })
}

t.test('a hold that was not saved is no success', async (t) => {
  const { api, world, ctl } = await open(t)
  api.onDrain = ({ id }) => ({ hold: id, persisted: false, hosts, waves: [] })
  api.progress = all('done')
  t.equal(await ctl('drain'), 3)
  t.match(world.said(), 'could not save the hold')
})

t.test('refusals keep their code and text', async (t) => {
  const { api, world, ctl } = await open(t)
  api.onDrain = () => {
    throw new GuardianError('superseded', 'superseded by epoch 9')
  }
  t.equal(await ctl('drain'), 6)
  t.equal(world.complained(), 'guardian ctl: superseded by epoch 9\n')
  t.equal(await ctl('drain', '--json'), 6)
  t.strictSame(JSON.parse(world.said()), { error: { code: 'superseded', message: 'superseded by epoch 9' } })
})

t.test('--dry-run and --no-wait', async (t) => {
  const { api, world, ctl } = await open(t)
  t.equal(await ctl('drain', '--dry-run'), 0)
  t.match(world.said(), 'would drain 3 hosts; nothing was ordered')
  t.equal(api.drains[0]?.dryRun, true)
  t.equal(await ctl('drain', '--no-wait'), 0)
  t.match(world.said(), `ordered: hold ${api.drains[1]?.id} on 3 hosts`)
  t.notMatch(api.heard.join('\n'), 'progress')
})

t.test('the whole fleet is asked about where somebody can answer', async (t) => {
  const no = await open(t, { isTTY: true, answer: 'n' })
  t.equal(await no.ctl('drain'), 2)
  t.strictSame(no.world.asked, ['Drain the whole fleet, 3 hosts? [y/N] '])
  t.ok(
    no.api.drains.every(({ dryRun }) => dryRun),
    'nothing was ordered',
  )
  for (const argv of [['--yes'], ['--host', 'web1'], ['--json']]) {
    const asked = await open(t, { isTTY: true, answer: 'n' })
    asked.api.progress = all('done')
    t.equal(await asked.ctl('drain', ...argv), 0, argv.join(' '))
    t.strictSame(asked.world.asked, [])
  }
  const yes = await open(t, { isTTY: true, answer: 'y' })
  yes.api.progress = all('done')
  t.equal(await yes.ctl('drain'), 0)
})

t.test('the coordinator is not there', async (t) => {
  const { api, world, ctl } = await open(t)
  await api.vanish()
  t.equal(await ctl('drain'), 9)
  t.match(world.complained(), 'no coordinator socket at')
  t.match(world.complained(), 'Nothing was ordered')
  await api.comeBack()
})

t.test('the coordinator is restarted mid-drain', async (t) => {
  const { api, world, ctl } = await open(t, { patienceMs: 10_000 })
  api.progress = all('moving')
  const running = ctl('drain')
  await api.followed('/v1/progress')
  await api.vanish()
  api.progress = all('done')
  await api.comeBack()
  t.equal(await running, 0)
  t.match(world.said(), /drained 3 hosts/)
})

t.test('the coordinator vanishes mid-drain and stays away', async (t) => {
  const { api, world, ctl } = await open(t)
  api.progress = drained([progressOf('web1', 'done'), progressOf('web2', 'moving'), progressOf('web3', 'moving')])
  const running = ctl('drain')
  await api.followed('/v1/progress')
  await world.saw('web1')
  await api.vanish()
  t.equal(await running, 9)
  t.match(world.said(), 'outcome unknown')
  t.notMatch(world.said(), /^drained /m)
  await api.comeBack()
})

t.test('the answer to the order is lost: it is asked again with the same id', async (t) => {
  const { api, ctl } = await open(t)
  const first = api.onDrain
  api.onDrain = (request) => {
    api.onDrain = first
    api.cut()
    return first(request)
  }
  api.progress = all('done')
  t.equal(await ctl('drain'), 0)
  t.equal(api.drains.length, 2)
  t.equal(api.drains[0]?.id, api.drains[1]?.id)
})

t.test('the hold is released by somebody while it is watched', async (t) => {
  const { api, world, ctl } = await open(t)
  api.progress = all('moving')
  const running = ctl('drain')
  await api.followed('/v1/progress')
  api.progress = null
  api.endStreams()
  t.equal(await running, 6)
  t.match(world.said(), 'released by somebody')
})

t.test('a coordinator that comes back without the hold', async (t) => {
  const { api, world, ctl } = await open(t, { patienceMs: 10_000 })
  api.progress = all('moving')
  const running = ctl('drain')
  await api.followed('/v1/progress')
  await api.vanish()
  api.progress = null
  await api.comeBack()
  t.equal(await running, 9)
  t.match(world.said(), 'outcome unknown')
})

t.test('--timeout names who is not there yet', async (t) => {
  const { api, world, ctl } = await open(t)
  api.progress = drained([
    progressOf('web1', 'done'),
    progressOf('web2', 'moving', { units: ['app.service'] }),
    progressOf('web3', 'waiting'),
  ])
  t.equal(await ctl('drain', '--timeout', '200ms'), 5)
  t.match(world.said(), 'web2 is still draining: app.service')
  t.match(world.said(), 'web3 is waiting')
})

t.test('Ctrl-C stops watching, not the drain', async (t) => {
  const { api, world, ctl } = await open(t)
  api.progress = all('moving')
  const running = ctl('drain')
  await api.followed('/v1/progress')
  world.interrupt()
  t.equal(await running, 9)
  t.match(world.said().replaceAll('\n', ' '), `Undo: guardian ctl undrain --hold ${api.drains[0]?.id}`)
  t.equal(api.undrains.length, 0)
})

t.test('on a terminal the picture is drawn in place, in colour unless NO_COLOR is set', async (t) => {
  for (const env of [{ LANG: 'en_US.UTF-8' }, { LANG: 'C', NO_COLOR: '1' }]) {
    const { api, world, ctl } = await open(t, { isTTY: true, env })
    api.progress = all('moving')
    const running = ctl('drain', '--host', '*')
    await world.saw('0/3')
    api.tell(all('done'))
    t.equal(await running, 0)
    t.match(world.said(), '\u001b[4A', 'the cursor goes back over four lines')
    t.equal(world.said().includes('\u001b[32m'), env.NO_COLOR === undefined)
    t.equal(world.said().includes('█'), env.LANG !== 'C')
  }
})
