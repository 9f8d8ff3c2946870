import t, { type Test } from 'tap'
import type { NixHost } from './nix-host.ts'
import { agentUnits, cable, type NixSite, noNixLab, startNixSite, untilServing } from './nix-site.ts'
import type { SystemPlan } from './nix-system.ts'
import { type Helper, orderOf } from './root-helper.ts'
import { asAgent, loot } from './stolen-agent.ts'
import { until } from './until.ts'

// One host, its real store, its root helper: the agent is what says the words, and here the test says them.

t.setTimeout(1_200_000)
t.test('the root helper on hosts with a real store', { skip: noNixLab }, async (t) => {
  await using site = await startNixSite({ hosts: ['cut1', 'boot1', 'bad1', 'odd1'] })
  t.jobs = 4
  const together = { buffered: true }
  await Promise.all([
    t.test('a power cut in every step', together, (t) => powerCuts(t, site)),
    t.test('reboots', together, (t) => reboots(t, site)),
    t.test('systems that are bad', together, (t) => badSystems(t, site)),
    t.test('what stands in the way', together, (t) => obstacles(t, site)),
  ])
})

async function prepared(
  site: NixSite,
  { host }: NixHost,
  plan: Partial<SystemPlan> & { readonly name: string },
  confirmMs = 600_000,
): Promise<{ readonly helper: Helper; readonly system: string }> {
  const system = await site.system(host.name, plan)
  const helper = await orderOf(host, { mode: 'closure', system }, { confirmMs })
  await helper.act('prefetch')
  return { helper, system }
}

const all = (system: string) => ({ current: system, booted: system, profile: system, loader: system })

async function powerCuts(t: Test, site: NixSite): Promise<void> {
  const member = site.host('cut1')
  const { host, first } = member
  const isSwitching = (helper: Helper) =>
    until('the switch is on', async () => {
      const { stdout } = await host.tried('journalctl', '-b', '--no-pager', '-u', helper.switchUnit)
      return stdout.includes('activating the configuration')
    })
  const back = async (t: Test, helper: Helper) => {
    await member.powerCut()
    await untilServing(host)
    t.strictSame(await member.seen(), all(first))
    t.equal((await helper.result('revert')).ok, true, 'and it says that it is back')
  }

  await t.test('after the prefetch: nothing has happened', async (t) => {
    const { helper, system } = await prepared(site, member, { name: 'a' })
    t.strictSame((await helper.read('prefetch'))?.blockers, [])
    t.equal((await helper.read('prefetch'))?.action, 'live')
    await member.powerCut()
    t.strictSame(await member.seen(), all(first))
    await host.run('nix-store', '--gc')
    t.equal((await host.tried('test', '-e', system)).code, 0, 'and a collection leaves the system alone')
    t.equal(await helper.act('forget'), 0)
    await host.run('nix-store', '--gc')
    t.not((await host.tried('test', '-e', system)).code, 0, 'until nobody wants it any more')
  })

  await t.test('in the middle of the switch: the old system', async (t) => {
    const { helper } = await prepared(site, member, { name: 'b', breaks: 'activation hang' })
    t.equal(await helper.act('activate'), 0)
    await isSwitching(helper)
    await back(t, helper)
  })

  await t.test('after the switch: the old system', async (t) => {
    const { helper, system } = await prepared(site, member, { name: 'c' })
    await helper.act('activate')
    t.match(await helper.result('exit'), { exit: 0, ok: true })
    t.strictSame(await member.seen(), { ...all(first), current: system })
    await back(t, helper)
  })

  await t.test('in the commit, before the loader has moved: the old system', async (t) => {
    const { helper, system } = await prepared(site, member, { name: 'd', breaks: 'boot hang' })
    await helper.act('activate')
    await helper.result('exit')
    const committing = helper.act('commit')
    await until('the profile has moved', async () => (await member.seen()).profile === system)
    await back(t, helper)
    await committing
  })

  await t.test('after the commit: the new system', async (t) => {
    const { helper, system } = await prepared(site, member, { name: 'e' })
    await helper.act('activate')
    await helper.result('exit')
    t.equal(await helper.act('commit'), 0)
    t.equal((await helper.result('commit')).ok, true)
    await member.powerCut()
    await untilServing(host)
    t.strictSame(await member.seen(), all(system))
    t.equal(await helper.read('revert'), null)
  })
}

async function reboots(t: Test, site: NixSite): Promise<void> {
  const member = site.host('boot1')
  const { host, first } = member
  const restarted = async (helper: Helper) => {
    const back = member.comesBack()
    void helper.act('activate')
    await back
  }

  await t.test('a kernel that starts no system: the second boot has the old one, and says so', async (t) => {
    const { helper } = await prepared(site, member, { name: 'a', kernel: '6.13', breaks: 'kernel panic' })
    t.match(await helper.read('prefetch'), { action: 'reboot', bootOnce: true, blockers: [] })
    await restarted(helper)
    t.equal((await helper.result('revert')).ok, true)
    t.strictSame(await member.seen(), all(first))
  })

  await t.test('power cut while the new one is not confirmed: the old one', async (t) => {
    const { helper, system } = await prepared(site, member, { name: 'b', kernel: '6.13' })
    await restarted(helper)
    t.match(await helper.result('exit'), { ok: true })
    t.strictSame(await member.seen(), { current: system, booted: system, profile: first, loader: first })
    await member.powerCut()
    t.equal((await helper.result('revert')).ok, true)
    t.strictSame(await member.seen(), all(first))
  })

  await t.test('nobody confirms the new one: it reboots into the old one by itself', async (t) => {
    const { helper, system } = await prepared(site, member, { name: 'c', kernel: '6.13' }, 15_000)
    await restarted(helper)
    t.equal((await member.seen()).current, system)
    await member.comesBack()
    t.equal((await helper.result('revert')).ok, true)
    t.strictSame(await member.seen(), all(first))
  })

  await t.test('confirmed, it is what boots', async (t) => {
    const { helper, system } = await prepared(site, member, { name: 'd', kernel: '6.14' })
    await restarted(helper)
    await helper.result('exit')
    await helper.act('commit')
    t.equal((await helper.result('commit')).ok, true)
    await member.powerCut()
    t.strictSame(await member.seen(), all(system))
  })

  await t.test('a loader that cannot boot a system once: that is said beforehand', async (t) => {
    await host.run('touch', '/boot/loader/no-oneshot')
    const { helper } = await prepared(site, member, { name: 'e', kernel: '6.15' })
    t.match(await helper.read('prefetch'), { action: 'reboot', bootOnce: false })
    await host.run('rm', '/boot/loader/no-oneshot')
  })
}

async function badSystems(t: Test, site: NixSite): Promise<void> {
  const member = site.host('bad1')
  const { host, first, units } = member
  const workerOf = () => host.show('other.service', 'MainPID')
  for (const [breaks, exit] of [
    ['check exit', 1],
    ['activation exit', 2],
    ['init exit', 100],
  ] as const) {
    await t.test(`a switch that ends with ${exit} has failed, and goes back`, async (t) => {
      const { helper } = await prepared(site, member, { name: `exit-${exit}`, breaks })
      const before = await workerOf()
      await helper.act('activate')
      t.match(await helper.result('exit'), { exit, ok: false, cut: false })
      await helper.act('revert')
      t.match(await helper.result('revert'), { ok: true })
      t.strictSame(await member.seen(), all(first))
      t.equal(await workerOf(), before, 'whoever has nothing to do with it has not noticed')
    })
  }

  await t.test('a switch that hangs is ended, finished, and taken back', async (t) => {
    const system = await site.system('bad1', { name: 'hangs', breaks: 'activation hang' })
    const helper = await orderOf(host, { mode: 'closure', system }, { activateLimitMs: 3_000 })
    await helper.act('prefetch')
    await helper.act('activate')
    t.match(await helper.result('exit'), { ok: false, cut: false, reason: /longer than it may/ })
    await helper.act('revert')
    t.match(await helper.result('revert'), { ok: true })
    t.strictSame(await member.seen(), all(first))
  })

  await t.test(
    'a switch that cuts the network: with nobody there the host goes back, and is reached again',
    async (t) => {
      const reached = async () => (await site.io.tried('ping', '-c', '1', '-W', '1', host.address)).code === 0
      const plan = { name: 'deaf', units: { ...units, 'cable.service': cable('down') } }
      const { helper, system } = await prepared(site, member, plan, 8_000)
      await helper.act('activate')
      t.match(await helper.result('exit'), { exit: 0, ok: true })
      t.equal((await member.seen()).current, system)
      t.notOk(await reached())
      t.match(await helper.result('revert'), { ok: true, reason: /nobody confirmed/ })
      t.strictSame(await member.seen(), all(first))
      t.ok(await reached())
    },
  )

  await t.test('a system without an agent: the host goes back by itself, and the agent is there again', async (t) => {
    const others = Object.entries(units).filter(([name]) => !name.includes('io-guardian'))
    const plan = { name: 'bare', units: Object.fromEntries(others) }
    const { helper } = await prepared(site, member, plan, 5_000)
    await helper.act('activate')
    await helper.result('exit')
    t.equal(await host.show('io-guardian.service', 'ActiveState'), 'inactive')
    t.match(await helper.result('revert'), { ok: true })
    t.strictSame(await member.seen(), all(first))
    await until('the agent runs', async () => (await host.show('io-guardian.service', 'ActiveState')) === 'active')
    await untilServing(host)
  })
}

async function obstacles(t: Test, site: NixSite): Promise<void> {
  const member = site.host('odd1')
  const { host, first } = member
  const blockersOf = async (helper: Helper) => (await helper.read('prefetch'))?.blockers.join('\n') ?? ''

  await t.test('another switch has the lock: that is named, and blocks', async (t) => {
    await host.run('mkdir', '-p', '/run/nixos')
    const holding = host.tried('flock', '/run/nixos/switch-to-configuration.lock', 'sleep', '4')
    await until(
      'it has the lock',
      async () => (await host.tried('flock', '-n', '/run/nixos/switch-to-configuration.lock', 'true')).code !== 0,
    )
    const { helper } = await prepared(site, member, { name: 'a' })
    t.match(await blockersOf(helper), /another switch runs: (flock|sleep) \(process \d+\)/)
    t.equal(await helper.act('activate'), 0)
    t.equal(await helper.read('activation'), null)
    await holding
  })

  await t.test('a full /boot: the loader says nothing, and the commit is taken back', async (t) => {
    const { helper, system } = await prepared(site, member, { name: 'b' })
    await helper.act('activate')
    t.match(await helper.result('exit'), { ok: true })
    const fill = 'cp -a /boot /root/kept && mount -t tmpfs -o size=64k tmpfs /boot && cp -a /root/kept/. /boot'
    await host.run('sh', '-c', `${fill}; cat /dev/zero >/boot/ballast; true`)
    await helper.act('commit')
    t.match(await helper.result('commit'), { ok: false })
    t.strictSame(await member.seen(), { ...all(first), current: system })
    await host.run('umount', '/boot')
    await helper.act('revert')
    t.match(await helper.result('revert'), { ok: true })
    t.strictSame(await member.seen(), all(first))
  })

  await t.test('its own disk is full: nothing is begun', async (t) => {
    const state = '/var/lib/io-guardian-rebuild'
    await host.run('sh', '-c', `mount -t tmpfs -o size=16k tmpfs ${state}; cat /dev/zero >${state}/ballast; true`)
    const { helper } = await prepared(site, member, { name: 'c' })
    await helper.act('activate')
    t.equal(await helper.read('activation'), null)
    t.strictSame(await member.seen(), all(first))
    await host.run('umount', state)
  })

  await t.test('somebody has stolen the agent: the helper does no more than it would anyway', async (t) => {
    const { host: other } = site.host('cut1')
    t.strictSame(await loot({ host, units: agentUnits }), [])
    const pid = await host.show('io-guardian.service', 'MainPID')
    const job = '0'.repeat(32)
    for (const instance of [`go-back-${job}`, `exit-${job}`, `prefetch-${job} --config /tmp/evil`]) {
      const { code } = await asAgent(host, pid, 'systemctl', 'start', `io-guardian-rebuild@${instance}.service`)
      t.not(code, 0, instance)
    }
    const ofOther = await site.system(other.name, { name: 'other' })
    const foreign = await orderOf(host, { mode: 'closure', system: ofOther })
    await site.carryTo(host)
    await foreign.act('prefetch')
    t.match(await blockersOf(foreign), /is a system of cut1, not of odd1/)
    const evil = `derivation { name = "evil"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "/bin/cp -r ${first} $out" ]; }`
    const built = (await host.run('nix', 'build', '--impure', '--no-link', '--print-out-paths', '--expr', evil)).trim()
    const unsigned = await orderOf(host, { mode: 'closure', system: built })
    await unsigned.act('prefetch')
    t.match(await blockersOf(unsigned), /has no signature of a key that this host trusts/)
    const flake = await orderOf(host, { mode: 'flake', flake: 'path:/tmp/evil', revision: '0'.repeat(40) })
    await flake.act('prefetch')
    t.match(await blockersOf(flake), /does not allow the flake/)
    for (const each of [foreign, unsigned, flake]) {
      await each.act('activate')
      t.equal(await each.read('activation'), null)
    }
    t.strictSame(await member.seen(), all(first))
  })
}
