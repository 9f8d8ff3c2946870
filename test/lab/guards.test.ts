import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { unit } from '../hosts/graph.ts'
import type { Outcome } from '../hosts/manager.ts'
import { startFleet, untilDrained, untilOpen } from './fleet.ts'
import type { Host } from './host.ts'
import { noLab } from './lab.ts'
import { scenario } from './scenario.ts'
import { loot } from './stolen-agent.ts'
import { momentsOf } from './unit-history.ts'
import { dropIn, heldUp, restless, untilState } from './units.ts'
import { until } from './until.ts'

t.setTimeout(1_200_000)
t.test('whatever touches a drained host, it stays drained', { skip: noLab }, async (t) => {
  await using fleet = await startFleet({ suite: 'trixie' })
  const { io } = fleet

  await scenario(
    t,
    fleet,
    'a switch of a drained host starts every active target again, and restarts what has changed',
    async (t) => {
      t.equal((await fleet.ctl('drain')).code, 0)
      for (const member of fleet.members) {
        const { host } = member
        const began = Date.now() * 1_000
        await host.systemctl('restart', 'io-guardian.service')
        t.equal((await switchOver(host)).code, 0, 'the switch succeeds')
        await host.systemctl('daemon-reexec')
        t.strictSame(await restless(member), [], host.name)
        t.strictSame(
          momentsOf(await host.journal(began), member.units).map(({ unit, what }) => `${unit} ${what}`),
          [],
        )
        t.notMatch(await host.run('systemctl', '--failed', '--no-legend'), /\S/, `nothing failed on ${host.name}`)
      }
    },
  )

  await scenario(
    t,
    fleet,
    'starts, restarts, a timer, a socket and a switch touch services that still stop',
    async (t) => {
      const member = fleet.member('web1')
      const { host } = member
      await addTimerAndSocket(host)
      await using shop = await heldUp(host, 'shop.service')
      await untilState(host, 'chat.socket', 'active')
      const draining = fleet.ctl('drain', '--host', 'web1')
      await untilState(host, 'shop.service', 'deactivating')
      const knock = 'exec 3<>/dev/tcp/127.0.0.1/7777'
      const touch = async () => {
        await Promise.all([
          host.tried('systemctl', 'start', '--no-block', 'shop.service', 'sessions.service'),
          host.tried('systemctl', 'restart', '--no-block', 'sessions.service'),
          host.tried('systemctl', 'start', '--no-block', 'io-databases.target', 'multi-user.target'),
          host.tried('systemctl', 'start', '--no-block', 'report.timer', 'report.service', 'chat.service'),
          host.tried('bash', '-c', knock),
        ])
      }
      await touch()
      // Who switches would wait for the stop, and so does an agent that is ordered around what it guards.
      await switchOver(host, '--no-block')
      await host.systemctl('restart', '--no-block', 'io-guardian.service')
      t.equal(await host.show('shop.service', 'ActiveState'), 'deactivating', 'all that was while it stopped')
      await shop.letGo()
      t.equal((await draining).code, 0)
      const drained = Date.now() * 1_000
      await touch()
      t.not((await host.tried('bash', '-c', knock)).code, 0, 'nobody listens')
      t.strictSame(await restless(member), [])
      const others = ['report.timer', 'report.service', 'chat.socket', 'chat.service']
      t.strictSame([...new Set((await host.states(others)).values())], ['inactive'])
      t.strictSame(momentsOf(await host.journal(drained), [...member.units, ...others]), [], 'not even for a moment')
      t.equal((await fleet.ctl('undrain')).code, 0)
      await untilState(host, 'chat.socket', 'active')
      t.equal((await host.tried('bash', '-c', knock)).code, 0, 'it listens again')
    },
  )

  await scenario(
    t,
    fleet,
    'its disk is full: it is drained all the same, and says that a reboot would not remember it',
    async (t) => {
      const member = fleet.member('web2')
      const { host } = member
      const state = '/var/lib/io-guardian'
      await host.systemctl('stop', 'io-guardian.service')
      const mount = `cp -a ${state} /root/kept && mount -t tmpfs -o size=64k,mode=750 tmpfs ${state} && cp -a /root/kept/. ${state}`
      await host.run('sh', '-c', `${mount} && chown io-guardian: ${state}`)
      await host.systemctl('start', 'io-guardian.service')
      await until(
        'it is connected',
        async () => (await fleet.status()).hosts.find(({ name }) => name === 'web2')?.connected === true,
      )
      await host.tried('sh', '-c', `cat /dev/zero >${state}/ballast`)
      const ended = await fleet.ctl('drain', '--host', 'web2')
      t.equal(ended.code, 3, ended.said)
      t.equal(ended.hosts[0]?.is, 'not-persisted')
      t.strictSame(await restless(member), [])
      await host.run('rm', `${state}/ballast`)
      t.equal((await fleet.ctl('undrain', '--host', 'web2')).code, 0)
      await untilOpen(member)
      await host.systemctl('stop', 'io-guardian.service')
      await host.run('umount', state)
    },
  )

  await scenario(
    t,
    fleet,
    'the clocks of coordinator and agents are hours apart, and the first one jumps: a hold for two hours stands',
    async (t) => {
      const { host } = fleet.member('web1')
      await using _agent = await wrongClock(host, 'io-guardian.service', '-5h')
      await host.systemctl('restart', 'io-guardian.service')
      await until('it is connected', async () => (await fleet.ctl('ping', 'web1')).code === 0)
      t.equal((await fleet.ctl('drain', '--host', 'web1', '--for', '2h')).code, 0)
      const before = await fleet.status()
      await using _coordinator = await wrongClock(io, 'io-guardian-coordinator.service', '+3h')
      await io.systemctl('restart', 'io-guardian-coordinator.service')
      await untilDrained(fleet, 'web1')
      const { nowMs, holds } = await fleet.status()
      t.ok(nowMs - before.nowMs > 10_000_000, 'it is three hours later for it')
      t.equal(holds.length, 1)
      t.strictSame(await restless(fleet.member('web1')), [])
      t.equal((await fleet.ctl('undrain')).code, 0)
      await untilOpen(fleet.member('web1'))
    },
  )
  await io.systemctl('restart', 'io-guardian-coordinator.service')
  await fleet.member('web1').host.systemctl('restart', 'io-guardian.service')

  await scenario(t, fleet, 'somebody has stolen an agent', async (t) => {
    for (const name of ['web1', 'web2']) {
      const member = fleet.member(name)
      t.strictSame(await loot(member), [], `nothing on ${name}, Debian ${member.host.suite}`)
    }
    const [thief, other] = [fleet.member('web1'), fleet.member('web2')]
    const direct = ['--direct', '--hosts', `web2=${other.host.address}`, '--psk-file', '/etc/guardian/psk']
    t.equal(
      (await thief.host.tried('guardian', 'ctl', ...direct, 'drain', '--yes')).code,
      6,
      'its key orders no other host',
    )
    await untilOpen(...fleet.members)
  })
})

/** What a NixOS switch does: stops and starts what has changed, and starts every active target again at its end. */
async function switchOver(host: Host, ...options: readonly string[]): Promise<Outcome> {
  await host.systemctl('stop', 'systemd-logind.service')
  await host.systemctl('daemon-reload')
  return host.tried('systemctl', 'start', ...options, ...(await activeTargets(host)), 'systemd-logind.service')
}

async function activeTargets(host: Host): Promise<readonly string[]> {
  const list = await host.systemctl('list-units', '--type=target', '--state=active', '--plain', '--no-legend')
  const names = list
    .split('\n')
    .flatMap((line) => line.split(' ')[0] ?? [])
    .filter(Boolean)
  const refused = await Promise.all(names.map((name) => host.show(name, 'RefuseManualStart')))
  return names.filter((_, at) => refused[at] === 'no')
}

async function addTimerAndSocket(host: Host): Promise<void> {
  const files = {
    'report.service': unit({ Unit: ['StartLimitIntervalSec=0'], Service: ['Type=oneshot', 'ExecStart=/bin/true'] }),
    'report.timer': unit({
      Timer: ['OnActiveSec=100ms', 'OnUnitInactiveSec=300ms', 'AccuracySec=1ms'],
      Install: ['WantedBy=timers.target'],
    }),
    'chat.service': unit({ Service: ['ExecStart=/bin/sleep infinity'] }),
    'chat.socket': unit({ Socket: ['ListenStream=127.0.0.1:7777'], Install: ['WantedBy=sockets.target'] }),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(host.root, 'etc/systemd/system', name), text)
  await host.systemctl('daemon-reload')
  await host.systemctl('enable', 'report.timer', 'chat.socket')
  await host.run('guardian', 'install', 'agent', '--dependent', 'report', '--dependent', 'chat')
  await host.systemctl('start', 'io-databases.target', 'report.timer', 'chat.socket')
}

/** From its next start on the processes of a unit have a clock of their own; the one that nobody can set is left alone. */
async function wrongClock(host: Host, unit: string, offset: string): Promise<AsyncDisposable> {
  const library = (await host.run('sh', '-c', 'ls /usr/lib/*/faketime/libfaketime.so.1')).trim()
  return dropIn(host, unit, 'Service', [
    `Environment=LD_PRELOAD=${library} FAKETIME=${offset} FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1`,
  ])
}
