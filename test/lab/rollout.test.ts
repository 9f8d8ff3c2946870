import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { unit } from '../hosts/graph.ts'
import { type NixSite, noNixLab, startNixSite, untilServing } from './nix-site.ts'
import { type Rollouts, rolloutsOf } from './rollouts.ts'
import { until } from './until.ts'

const common = {
  source: { mode: 'closure' },
  health: { settle: '1s', minHealthy: '2s', deadline: '15s' },
  activate: { deadline: '30s' },
  confirm: { timeout: '125s' },
}
const rebuilds = {
  budgets: { any: { select: '*', maxUnavailable: '100%' } },
  policies: {
    staged: {
      ...common,
      stages: [
        { name: 'canary', select: 'web1', soak: '1s', promote: 'manual' },
        { name: 'rest', select: 'web*', soak: '1s', maxParallel: 1 },
      ],
    },
    at_once: { ...common, maxFailures: 10, stages: [{ name: 'all', select: '*', soak: '1s', maxParallel: 10 }] },
  },
}

/** Tries to come up again and again, and never does. */
const flapping = unit({
  Unit: ['StartLimitIntervalSec=0'],
  Service: ['ExecStart=/bin/false', 'Restart=always', 'RestartSec=2s'],
  Install: ['WantedBy=multi-user.target'],
})

const hosts = ['web1', 'web2', 'web3']

t.setTimeout(1_200_000)
t.test('a fleet is rebuilt in stages', { skip: noNixLab }, async (t) => {
  await using site = await startNixSite({ hosts, rebuilds, more: { web3: { 'flaky.service': flapping } } })
  const rollouts = rolloutsOf(site)

  await t.test('canary, a word of an operator, and the rest, one after the other', (t) => whole(t, site, rollouts))
  await t.test('what goes wrong on a host is taken back there', (t) => failing(t, site, rollouts))
  await t.test('an agent is restarted by its own switch, and everybody is killed', (t) => killed(t, site, rollouts))
  await t.test('a switch of a host that an operator has drained', (t) => drained(t, site, rollouts))
  await t.test('a word that stops one on its way', (t) => aborted(t, site, rollouts))
  await t.test('another switch has the lock of a host', (t) => locked(t, site, rollouts))
  await t.test('machines that know FleetLock alone', (t) => fleetLock(t, site))
})

/** A system for each host, alike but for what is said. */
async function systemsOf(
  site: NixSite,
  name: string,
  change: Readonly<Record<string, object>>,
): Promise<Readonly<Record<string, string>>> {
  const built: Record<string, string> = {}
  for (const [host, more] of Object.entries(change)) built[host] = await site.system(host, { name, ...more })
  return built
}

const sameFor = (names: readonly string[], more: object) => Object.fromEntries(names.map((name) => [name, more]))

async function runs(site: NixSite, system: Readonly<Record<string, string>>): Promise<Record<string, boolean>> {
  const all = await Promise.all(
    Object.entries(system).map(async ([name, path]) => {
      const { current, profile, loader } = await site.host(name).seen()
      return [name, [current, profile, loader].every((each) => each === path)] as const
    }),
  )
  return Object.fromEntries(all)
}

async function whole(t: Test, site: NixSite, rollouts: Rollouts): Promise<void> {
  const systems = await systemsOf(site, 'second', sameFor(hosts, { version: '2.0' }))
  const other = () => site.host('web1').host.show('other.service', 'MainPID')
  const before = await other()
  const id = await rollouts.start('staged', systems)
  const canary = await rollouts.rests(id)
  t.match(canary.hosts.map(({ host, is }) => [host, is]).toSorted(), [
    ['web1', /done|soaking/],
    ['web2', /pending|ready/],
    ['web3', /pending|ready/],
  ])
  t.equal((await rollouts.ctl('status', id)).code, 6, 'it waits for a person')
  t.equal(await other(), before, 'whoever has nothing to do with it has not noticed')
  t.equal((await rollouts.ctl('promote', id)).code, 0)
  const end = await rollouts.rests(id)
  t.equal(end.is, 'succeeded', end.reason)
  t.equal((await rollouts.ctl('status', id)).code, 0)
  t.strictSame(await runs(site, systems), { web1: true, web2: true, web3: true })
  await Promise.all(site.hosts.map(({ host }) => untilServing(host)))
  t.strictSame((await site.holds()).length, 0)
}

async function failing(t: Test, site: NixSite, rollouts: Rollouts): Promise<void> {
  const before = Object.fromEntries(
    await Promise.all(site.hosts.map(async (each) => [each.host.name, (await each.seen()).current] as const)),
  )
  const failed = { 'multi-user.target.wants/gone.service': '# see its name\n' }
  const systems = await systemsOf(site, 'bad', {
    web1: { breaks: 'activation exit' },
    web2: {
      units: {
        ...site.host('web2').units,
        ...failed,
        'gone.service': '[Service]\nType=oneshot\nExecStart=/bin/false\n',
      },
    },
    // Exit 4, for a service that never came up before either.
    web3: { version: '3.0' },
  })
  const id = await rollouts.start('at_once', systems)
  const end = await rollouts.rests(id)
  const run = (name: string) => end.hosts.find(({ host }) => host === name)
  t.equal(run('web1')?.is, 'reverted', run('web1')?.reason ?? '')
  t.equal(run('web1')?.exit, 2)
  t.equal(run('web2')?.is, 'reverted', run('web2')?.reason ?? '')
  t.match(run('web2')?.reason, /gone\.service/)
  t.match(run('web3')?.is, /done|soaking/, run('web3')?.reason ?? '')
  t.equal(run('web3')?.exit, 4)
  t.equal((await rollouts.ctl('status', id)).code, 4, 'failed, and taken back')
  t.strictSame(await runs(site, { ...systems, web1: before.web1 ?? '', web2: before.web2 ?? '' }), {
    web1: true,
    web2: true,
    web3: true,
  })
  await Promise.all(site.hosts.map(({ host }) => untilServing(host)))
  if (!end.is.startsWith('succ') && end.is !== 'failed') await rollouts.ctl('abort', id)
}

async function killed(t: Test, site: NixSite, rollouts: Rollouts): Promise<void> {
  const { host, units } = site.host('web1')
  const agent = (units['io-guardian.service'] ?? '').replace('[Service]', '[Service]\nEnvironment=GENERATION=3')
  const systems = await systemsOf(site, 'chatter', {
    web1: { breaks: 'activation chatter', units: { ...units, 'io-guardian.service': agent } },
  })
  const before = await host.show('io-guardian.service', 'InvocationID')
  const id = await rollouts.start('at_once', systems)
  await rollouts.reaches(id, 'it switches', (status) => status.hosts.some(({ is }) => is === 'activating'))
  await pause(1_500)
  await host.systemctl('kill', '--signal=KILL', 'io-guardian.service').catch(() => '')
  await site.io.systemctl('kill', '--signal=KILL', 'io-guardian-coordinator.service')
  const end = await rollouts.rests(id)
  t.equal(end.is, 'succeeded', `${end.reason} ${end.hosts[0]?.reason}`)
  t.not(await host.show('io-guardian.service', 'InvocationID'), before)
  t.strictSame(await runs(site, systems), { web1: true })
  const { stdout } = await rollouts.ctl('logs', id, 'web1')
  const lines = [...stdout.matchAll(/line (\d+) of 200/g)].map(([, number]) => Number(number))
  t.strictSame(
    lines,
    Array.from({ length: 200 }, (_, at) => at + 1),
    'every line once, in order',
  )
}

async function drained(t: Test, site: NixSite, rollouts: Rollouts): Promise<void> {
  const { host } = site.host('web2')
  t.equal((await site.io.tried('guardian', 'ctl', 'drain', '--host', 'web2', '--yes')).code, 0)
  const systems = await systemsOf(site, 'held', { web2: { version: '5.0' } })
  const since = Date.now() * 1_000
  const id = await rollouts.start('at_once', systems)
  await until('web2 has switched', async () => (await site.host('web2').seen()).current === systems.web2)
  await pause(3_000)
  t.strictSame([...(await host.states(['app.service'])).values()], ['inactive'])
  const end = await rollouts
    .reaches(id, 'web2 has come to something', ({ hosts: [run] }) => {
      return run !== undefined && ['done', 'soaking', 'reverted', 'failed'].includes(run.is)
    })
    .catch(() => rollouts.status(id))
  t.match(end.hosts[0]?.is, /done|soaking/, end.hosts[0]?.reason ?? '')
  const started = (await host.journal(since)).filter(
    ({ unit, text }) => unit === 'app.service' && /^Started/.test(text),
  )
  t.strictSame(started, [], 'not even for a moment')
  t.equal((await site.io.tried('guardian', 'ctl', 'undrain', '--host', 'web2')).code, 0)
  await untilServing(host)
}

async function aborted(t: Test, site: NixSite, rollouts: Rollouts): Promise<void> {
  const { current } = await site.host('web1').seen()
  const systems = await systemsOf(site, 'slow', { web1: { breaks: 'activation hang' } })
  const id = await rollouts.start('at_once', systems)
  await until('it switches', async () => (await site.host('web1').seen()).current === systems.web1)
  t.equal((await rollouts.ctl('abort', id, '--now')).code, 0)
  const end = await rollouts.rests(id)
  t.equal(end.is, 'aborted', end.reason)
  t.equal(end.hosts[0]?.is, 'reverted', end.hosts[0]?.reason ?? '')
  t.strictSame(await runs(site, { web1: current }), { web1: true })
  await untilServing(site.host('web1').host)
}

async function locked(t: Test, site: NixSite, rollouts: Rollouts): Promise<void> {
  const { host } = site.host('web2')
  const systems = await systemsOf(site, 'locked', { web2: { version: '6.0' } })
  const holding = host.tried('flock', '/run/nixos/switch-to-configuration.lock', 'sleep', '8')
  const given = Object.entries(systems).flatMap((pair) => ['--systems', pair.join('=')])
  const { code, stdout, stderr } = await rollouts.ctl('plan', '--policy', 'at_once', ...given)
  t.equal(code, 7, 'blocked before any change')
  t.match(`${stdout}${stderr}`, /another switch runs: (flock|sleep)/)
  await holding
}

async function fleetLock(t: Test, { io, host }: NixSite): Promise<void> {
  const ask = async (path: string, id: string) => {
    const body = JSON.stringify({ client_params: { id, group: 'any' } })
    const socket = ['--unix-socket', '/run/io-guardian-coordinator/api.sock', '-H', 'fleet-lock-protocol: true']
    const told = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-d', body, `http://lab/v1/${path}`]
    return io.run('curl', ...socket, ...told)
  }
  t.equal(await ask('pre-reboot', 'coreos1'), '200')
  t.equal(await ask('pre-reboot', 'coreos1'), '200', 'whoever has it asks again')
  t.equal(await ask('steady-state', 'coreos1'), '200')
  await untilServing(host('web1').host)
}
