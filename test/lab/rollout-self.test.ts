import t from 'tap'
import { noNixLab, startNixSite, untilServing } from './nix-site.ts'
import { rolloutsOf } from './rollouts.ts'
import { until } from './until.ts'

const coordinator = 'io-guardian-coordinator.service'
const rebuilds = {
  self: 'io',
  policies: {
    default: {
      source: { mode: 'closure' },
      stages: [{ name: 'all', select: '*', soak: '1s', maxParallel: 2 }],
      health: { settle: '1s', minHealthy: '2s', deadline: '15s' },
      activate: { deadline: '30s' },
      confirm: { timeout: '125s' },
    },
  },
}

t.setTimeout(1_200_000)
t.test("the coordinator's own host is rebuilt", { skip: noNixLab }, async (t) => {
  await using site = await startNixSite({ hosts: ['web1'], self: true, rebuilds })
  const rollouts = rolloutsOf(site)
  const io = site.host('io')
  const unitWith = (line: string) => ({
    ...io.units,
    [coordinator]: (io.units[coordinator] ?? '').replace('[Service]', `[Service]\n${line}`),
  })
  const all = (system: string) => ({ current: system, profile: system, loader: system })

  await t.test('good: alone, after all others, and its new coordinator ends the rollout', async (t) => {
    const web = await site.system('web1', { name: 'second' })
    const own = await site.system('io', { name: 'second', units: unitWith('Environment=GENERATION=2') })
    const before = await io.host.show(coordinator, 'InvocationID')
    const id = await rollouts.start('default', { web1: web, io: own })
    const end = await rollouts.rests(id)
    t.equal(end.is, 'succeeded', end.reason)
    t.match(await io.seen(), all(own))
    t.match(await site.host('web1').seen(), all(web))
    t.not(await io.host.show(coordinator, 'InvocationID'), before)
    const { stdout } = await rollouts.ctl('history', 'io')
    t.match(stdout, new RegExp(id))
    const stages = end.hosts.toSorted((a, b) => a.stage - b.stage).map(({ host }) => host)
    t.strictSame(stages, ['web1', 'io'])
    await Promise.all(site.hosts.map(({ host }) => untilServing(host)))
  })

  await t.test('bad: its new coordinator never leads, and the host goes back without it', async (t) => {
    const { current } = await io.seen()
    const own = await site.system('io', { name: 'third', units: unitWith('ExecStartPre=/bin/false') })
    const id = await rollouts.start('default', { io: own })
    await until('io has switched', async () => (await io.seen()).current === own)
    // As long as the longest dead-man that the policy allows.
    await until('io has gone back', async () => (await io.seen()).current === current)
    const end = await rollouts.rests(id)
    t.equal(end.hosts.find(({ host }) => host === 'io')?.is, 'reverted', end.reason)
    t.equal((await rollouts.ctl('status', id)).code, 4)
    t.match(await io.seen(), all(current))
    await Promise.all(site.hosts.map(({ host }) => untilServing(host)))
  })
})
