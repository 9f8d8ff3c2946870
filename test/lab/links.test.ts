import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { complaints } from './complaints.ts'
import { type Fleet, startFleet, untilDrained, untilOpen } from './fleet.ts'
import { noLab } from './lab.ts'
import { lastStopped, postgresToldToStop } from './order.ts'
import { scenario } from './scenario.ts'
import { momentsOf } from './unit-history.ts'
import { restless } from './units.ts'
import { until } from './until.ts'

const store = 'var/lib/io-guardian-coordinator'

t.setTimeout(1_200_000)
t.test('links that fail, and coordinators that are not the only one', { skip: noLab }, async (t) => {
  await using fleet = await startFleet({ suite: 'trixie', agent: { lostAfter: '10s' } })
  const { io, lab } = fleet
  const web1 = fleet.member('web1')

  await scenario(t, fleet, 'a host is cut off for five seconds: nothing stops', async (t, since) => {
    await lab.network.cut('io', 'web1')
    // What is tried is that nothing happens in this time.
    await pause(5_000)
    await lab.network.heal()
    await untilConnected(fleet, 'web1', true)
    t.strictSame(momentsOf(await web1.host.journal(since), web1.units), [])
  })

  for (const [what, from, to] of [
    ['what it says is lost', 'web1', 'io'],
    ['what it is told is lost', 'io', 'web1'],
  ] as const) {
    await scenario(t, fleet, `a dead host is shown as lost: ${what}`, async (t) => {
      const began = Date.now()
      await lab.network.lose(from, to)
      await untilConnected(fleet, 'web1', false)
      t.comment(`after ${Date.now() - began} ms`)
    })
  }

  await scenario(
    t,
    fleet,
    'a host is cut off for as long as it waits: it drains by itself, and opens when it is healed',
    async (t) => {
      await lab.network.cut('io', 'web1')
      await until('it has drained', async () => (await restless(web1)).length === 0)
      await lab.network.heal()
      await untilOpen(...fleet.members)
      t.strictSame((await fleet.status()).holds, [])
    },
  )

  await scenario(
    t,
    fleet,
    'a host is cut off, and PostgreSQL stopped: the others are drained, and it when it is back',
    async (t, since) => {
      await lab.network.cut('io', 'web1')
      await io.systemctl('stop', fleet.postgres)
      const [told, last] = [await postgresToldToStop(fleet, since), await lastStopped(fleet, since, ['web2', 'jobs1'])]
      t.ok(
        told >= last,
        `PostgreSQL was told to stop ${Math.round((told - last) / 1_000)} ms after the last service that can be reached`,
      )
      const gate = await io.run(
        'journalctl',
        '-u',
        'io-guardian-gate@postgresql',
        '-o',
        'cat',
        '--since',
        `@${Math.floor(since / 1e6)}`,
      )
      t.match(gate, /not every host is drained.*web1/, 'the host that did not make it is named')
      await lab.network.heal()
      await untilDrained(fleet, 'web1', 'web2', 'jobs1')
      t.strictSame(await restless(web1), [])
    },
  )

  await scenario(t, fleet, 'a link that loses three packets of ten: drains and undrains get through', async (t) => {
    await lab.network.lose('io', 'web1', 30)
    await lab.network.lose('web1', 'io', 30)
    for (let round = 0; round < 2; round += 1) {
      const drained = await fleet.ctl('drain', '--host', 'web1')
      t.ok([0, 4, 5].includes(drained.code), drained.said)
      await untilDrained(fleet, 'web1')
      t.strictSame(await restless(web1), [])
      await fleet.ctl('undrain', '--host', 'web1')
      await until('it is open again', async () => (await restless(web1)).length === web1.units.length)
    }
  })

  await scenario(
    t,
    fleet,
    'the store is replaced by that of yesterday: it orders nothing until a person takes over',
    async (t) => {
      const yesterday = join(lab.directory, 'yesterday')
      await io.systemctl('stop', 'io-guardian-coordinator.service')
      await cp(join(io.root, store), yesterday, { recursive: true })
      await io.systemctl('start', 'io-guardian-coordinator.service')
      await untilConnected(fleet, 'web1', true)
      t.equal((await fleet.ctl('drain', '--host', 'web1', '-m', 'since yesterday')).code, 0)
      await io.systemctl('restart', 'io-guardian-coordinator.service')
      await untilDrained(fleet, 'web1')
      await io.systemctl('stop', 'io-guardian-coordinator.service')
      await io.run('sh', '-c', `rm -r /${store}/*`)
      await cp(yesterday, join(io.root, store), { recursive: true })
      await io.run('chown', '-R', 'io-guardian-coordinator:', `/${store}`)
      await io.systemctl('start', 'io-guardian-coordinator.service')
      await untilSuperseded(fleet)
      t.equal((await fleet.ctl('undrain', '--host', 'web1')).code, 6)
      t.strictSame(await restless(web1), [], 'what yesterday did not know stands')
      await takeOver(fleet)
      await untilDrained(fleet, 'web1')
      t.match((await fleet.status()).holds, [{ message: 'since yesterday' }], 'the hold is adopted from the marker')
      await rm(yesterday, { recursive: true })
    },
  )

  await scenario(
    t,
    fleet,
    'a second coordinator with the same store and key orders the fleet: the first one steps back',
    async (t) => {
      const twin = fleet.member('jobs1').host
      for (const path of [store, 'etc/guardian/fleet.key', 'etc/guardian/coordinator.json']) {
        await cp(join(io.root, path), join(twin.root, path), { recursive: true })
      }
      await twin.run('chown', '-R', 'io-guardian-coordinator:', `/${store}`)
      await twin.run(
        'sed',
        '-i',
        's/"gate": "local"/"gate": "none"/; s/127.0.0.1/io/',
        '/etc/guardian/coordinator.json',
      )
      await twin.systemctl('start', 'io-guardian-coordinator.service')
      await untilSuperseded(fleet)
      t.equal((await fleet.ctl('drain', '--host', 'web1')).code, 6)
      t.equal((await restless(web1)).length, web1.units.length, 'nothing was drained')
      await twin.systemctl('stop', 'io-guardian-coordinator.service')
      await takeOver(fleet)
      t.equal((await fleet.ctl('drain', '--host', 'web1')).code, 0)
      t.equal((await fleet.ctl('undrain', '--host', 'web1')).code, 0)
    },
  )

  await scenario(t, fleet, 'all is whole again: PostgreSQL is restarted', async (t, since) => {
    await io.systemctl('restart', fleet.postgres)
    await untilOpen(...fleet.members)
    t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
  })
})

async function untilConnected(fleet: Fleet, host: string, wanted: boolean): Promise<void> {
  await until(`${host} is ${wanted ? 'connected' : 'lost'}`, async () => {
    const status = await fleet.status().catch(() => null)
    return status?.hosts.find(({ name }) => name === host)?.connected === wanted
  })
}

async function untilSuperseded(fleet: Fleet): Promise<void> {
  await until('it knows that it is superseded', async () => {
    return (await fleet.status().catch(() => null))?.superseded != null
  })
}

async function takeOver({ io }: Fleet): Promise<void> {
  await io.run('guardian', 'coordinator', 'takeover', '--yes', '--keep-all')
}
