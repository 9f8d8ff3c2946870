import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { complaints } from './complaints.ts'
import { plans, startFleet, untilDrained, untilOpen } from './fleet.ts'
import { noLab } from './lab.ts'
import { postgresToldToStop } from './order.ts'
import { scenario } from './scenario.ts'
import { restless, untilState } from './units.ts'
import { until } from './until.ts'

t.setTimeout(1_200_000)
t.test('hosts that live from the databases go and come back', { skip: noLab }, async (t) => {
  await using fleet = await startFleet({ suite: 'bookworm' })
  const { io } = fleet

  await scenario(
    t,
    fleet,
    'one that is open is rebooted, and one loses its power: both open again by themselves',
    async () => {
      const lossy = fleet.member('web2').host
      await Promise.all([fleet.member('web1').host.reboot(), lossy.cutPower().then(() => lossy.boot())])
      await untilOpen(...fleet.members)
    },
  )

  await scenario(
    t,
    fleet,
    'drained ones are rebooted, lose their power, and one its disk: they stay drained',
    async (t) => {
      t.equal((await fleet.ctl('drain', '-m', 'new disks')).code, 0)
      const [web1, web2, jobs1] = ['web1', 'web2', 'jobs1'].map((name) => fleet.member(name).host)
      await web1?.reboot()
      await web2?.cutPower()
      await web2?.boot()
      await jobs1?.cutPower()
      // All that a package manager does not put there.
      for (const name of (await readdir(join(jobs1?.root ?? '', 'var/lib'))).filter((each) => each !== 'dpkg')) {
        await rm(join(jobs1?.root ?? '', 'var/lib', name), { recursive: true })
      }
      await jobs1?.boot()
      await untilDrained(fleet, 'web1', 'web2', 'jobs1')
      for (const member of fleet.members) {
        t.strictSame(await restless(member), [], member.host.name)
        const failed = await member.host.run('systemctl', '--failed', '--plain', '--no-legend')
        // One that was asking as the hold came was ended by the drain.
        t.notMatch(failed.replace(/^wait-for-.*\n/, ''), /\S/, `nothing failed on ${member.host.name}`)
      }
      t.equal((await fleet.ctl('undrain')).code, 0)
      await untilOpen(...fleet.members)
    },
  )

  await scenario(
    t,
    fleet,
    'one that lost its disk while drained waits for the word of a coordinator that is away',
    async (t) => {
      const member = fleet.member('web1')
      t.equal((await fleet.ctl('drain', '--host', 'web1')).code, 0)
      await io.systemctl('stop', 'io-guardian-coordinator.service')
      await member.host.reboot(() => rm(join(member.host.root, 'var/lib/io-guardian'), { recursive: true }))
      await untilState(member.host, 'wait-for-io-databases.service', 'activating')
      await io.systemctl('start', 'io-guardian-coordinator.service')
      await untilDrained(fleet, 'web1')
      t.strictSame(await restless(member), [])
    },
  )

  await scenario(t, fleet, 'one is powered off in the middle of a drain', async (t) => {
    const member = fleet.member('web2')
    const draining = fleet.ctl('drain', '--host', 'web2')
    await untilState(member.host, 'search-index.service', 'deactivating')
    await member.host.poweroff()
    const ended = await draining
    t.ok([0, 4].includes(ended.code), `whoever waited was told ${ended.code}: ${ended.said}`)
    await member.host.boot()
    await untilDrained(fleet, 'web2')
    t.strictSame(await restless(member), [])
  })

  await scenario(t, fleet, 'restart, upgrade and a new configuration of any daemon drain nothing', async (t) => {
    const runs = () =>
      Promise.all(fleet.members.flatMap(({ host, units }) => units.map((unit) => host.show(unit, 'InvocationID'))))
    const before = await runs()
    const { revision } = (await fleet.status()).claim
    await io.systemctl('restart', 'io-guardian-coordinator.service')
    await fleet.configure({ unreachableGrace: '6s' })
    await Promise.all([...new Set([io, ...fleet.members.map(({ host }) => host)])].map((host) => fleet.upgrade(host)))
    await Promise.all(fleet.members.map(({ host }) => host.systemctl('reload', 'io-guardian.service')))
    await fleet.configure()
    await until(
      'every host is connected',
      async () =>
        (await fleet.status().catch(() => null))?.hosts.every(
          ({ connected, targets }) => connected && targets[0]?.is === 'open',
        ) === true,
    )
    t.strictSame(await runs(), before, 'every service runs on')
    t.equal((await fleet.status()).claim.revision, revision, 'there was no hold')
  })

  await scenario(t, fleet, 'a new host joins while PostgreSQL is away', async (t, since) => {
    await io.systemctl('stop', fleet.postgres)
    await until('all are drained', async () => (await postgresToldToStop(fleet, since).catch(() => 0)) > 0)
    const host = await fleet.addHost('web3', 'trixie')
    const member = await fleet.join(host, plans.web1)
    await untilDrained(fleet, 'web3')
    t.strictSame(await restless(member), [])
    await host.reboot()
    await untilDrained(fleet, 'web3')
    t.strictSame(await restless(member), [])
    await io.systemctl('start', fleet.postgres)
    await untilOpen(...fleet.members)
    t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
  })
})
