import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { complaints } from './complaints.ts'
import { type Fleet, startFleet, untilOpen } from './fleet.ts'
import { noLab } from './lab.ts'
import { lastStopped, postgresToldToStop } from './order.ts'
import { scenario } from './scenario.ts'
import { dropIn, restless, untilState } from './units.ts'
import { until } from './until.ts'

const gate = 'io-guardian-gate@postgresql.service'

t.setTimeout(1_200_000)
t.test('PostgreSQL and Redis of Debian 12, and who lives from them', { skip: noLab }, async (t) => {
  await using fleet = await startFleet({ suite: 'bookworm' })
  const { io, postgres } = fleet
  await dropIn(io, postgres, 'Service', ['Restart=on-failure', 'RestartSec=1s'])

  for (const asked of ['postgresql.service', postgres]) {
    await scenario(
      t,
      fleet,
      `systemctl stop ${asked}: every service has stopped before PostgreSQL is told to`,
      async (t, since) => {
        await io.systemctl('stop', asked)
        await untilState(io, postgres, 'inactive')
        await stoppedInOrder(t, fleet, since)
        await io.systemctl('start', asked)
        await untilOpen(...fleet.members)
        t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
      },
    )

    await scenario(t, fleet, `systemctl restart ${asked}: the same, and all opens by itself`, async (t, since) => {
      const before = await io.show(postgres, 'InvocationID')
      await io.systemctl('restart', asked)
      await until('PostgreSQL runs anew', async () => {
        return (
          (await io.show(postgres, 'ActiveState')) === 'active' && (await io.show(postgres, 'InvocationID')) !== before
        )
      })
      await stoppedInOrder(t, fleet, since)
      await untilOpen(...fleet.members)
      t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
    })
  }

  await scenario(t, fleet, 'the postmaster is killed and comes back: so does its gate, and every host', async (t) => {
    const before = await io.show(gate, 'InvocationID')
    await io.systemctl('kill', '--signal=KILL', '--kill-whom=main', postgres)
    await until('the gate is back', async () => {
      return (await io.show(gate, 'ActiveState')) === 'active' && (await io.show(gate, 'InvocationID')) !== before
    })
    await until('no hold is left', async () => (await fleet.status()).holds.length === 0)
    await untilOpen(...fleet.members)
    t.equal((await fleet.ctl('status')).code, 0)
  })

  await scenario(t, fleet, 'a restart of Redis drains those who need Redis, and nobody else', async (t, since) => {
    const { host } = fleet.member('jobs1')
    const before = await host.show('queue.service', 'InvocationID')
    await io.systemctl('restart', 'redis-server.service')
    await lastStopped(fleet, since, ['web1', 'web2'])
    await untilOpen(...fleet.members)
    t.equal(await host.show('queue.service', 'InvocationID'), before, 'the queue of jobs1 has not noticed')
    t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
  })

  await scenario(
    t,
    fleet,
    'Redis is stopped, then PostgreSQL restarted: Redis stays stopped, and so do its hosts',
    async (t, since) => {
      await io.systemctl('stop', 'redis-server.service')
      await io.systemctl('restart', 'postgresql.service')
      await until('PostgreSQL was restarted', async () => (await postgresToldToStop(fleet, since).catch(() => 0)) > 0)
      await untilOpen(fleet.member('jobs1'))
      t.equal(await io.show('redis-server.service', 'ActiveState'), 'inactive')
      for (const name of ['web1', 'web2']) t.strictSame(await restless(fleet.member(name)), [], name)
      await io.systemctl('start', 'redis-server.service')
      await untilOpen(...fleet.members)
      t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
    },
  )

  await scenario(
    t,
    fleet,
    'PostgreSQL is stopped while the coordinator is dead: its gate drains the hosts itself',
    async (t, since) => {
      await io.systemctl('stop', 'io-guardian-coordinator.service')
      await io.systemctl('stop', postgres)
      await stoppedInOrder(t, fleet, since)
      await io.systemctl('start', postgres)
      await io.systemctl('start', 'io-guardian-coordinator.service')
      await untilOpen(...fleet.members)
      t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
    },
  )

  await scenario(t, fleet, 'PostgreSQL is stopped while its gate is still starting', async (t, since) => {
    const lines = await dropIn(io, gate, 'Service', ['ExecStartPre=/bin/sleep 20'])
    await io.systemctl('restart', '--no-block', postgres)
    await untilState(io, gate, 'activating')
    await io.systemctl('stop', postgres)
    await stoppedInOrder(t, fleet, since)
    for (const member of fleet.members) t.strictSame(await restless(member), [], member.host.name)
    await lines[Symbol.asyncDispose]()
    await io.systemctl('start', postgres)
    await untilOpen(...fleet.members)
    t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
  })

  await scenario(
    t,
    fleet,
    'a database that stays dead: nobody opens until somebody has mended it',
    async (t, since) => {
      const bad = join(io.root, `etc/postgresql/15/main/conf.d/bad.conf`)
      await writeFile(bad, 'shared_buffers = nonsense\n')
      await io.tried('systemctl', 'restart', postgres)
      await until(
        'systemd has given up or tries in vain',
        async () => (await io.show(postgres, 'ActiveState')) !== 'active',
      )
      await stoppedInOrder(t, fleet, since)
      for (const member of fleet.members) t.strictSame(await restless(member), [], member.host.name)
      await rm(bad)
      await io.systemctl('start', postgres)
      await untilOpen(...fleet.members)
    },
  )

  await scenario(t, fleet, 'a database that is ready only after a booting host has given up waiting', async (t) => {
    const { host } = fleet.member('web1')
    const wait = 'wait-for-io-databases.service'
    await using _ = await dropIn(host, wait, 'Service', ['TimeoutStartSec=4s'])
    const redis = await io.show('redis-server.service', 'MainPID')
    await host.reboot(() => io.run('kill', '-STOP', redis))
    await until('the wait unit has timed out', async () => (await host.show(wait, 'Result')) === 'timeout')
    t.strictSame(await restless(fleet.member('web1')), [])
    await io.run('kill', '-CONT', redis)
    await untilOpen(...fleet.members)
  })
})

async function stoppedInOrder(t: Test, fleet: Fleet, since: number): Promise<void> {
  const told = await postgresToldToStop(fleet, since)
  const last = await lastStopped(fleet, since)
  t.ok(
    told >= last,
    `PostgreSQL was told to stop ${Math.round((told - last) / 1_000)} ms after the last service had stopped`,
  )
}
