import t, { type Test } from 'tap'
import { queue } from './cast.ts'
import { complaints } from './complaints.ts'
import { type Fleet, startFleet, untilOpen } from './fleet.ts'
import { noLab } from './lab.ts'
import { lastStopped, postgresToldToStop } from './order.ts'
import { scenario } from './scenario.ts'
import { momentsOf } from './unit-history.ts'
import { until } from './until.ts'

t.setTimeout(1_200_000)
t.test('the host with the databases, Debian 13, goes and comes back', { skip: noLab }, async (t) => {
  await using fleet = await startFleet({ suite: 'trixie', agent: { lostAfter: '10s' } })
  const { io } = fleet

  await scenario(
    t,
    fleet,
    'it is rebooted: every service stops before the databases and the network go',
    async (t, since) => {
      await io.reboot()
      await drainedFirst(t, fleet, since)
      await untilOpen(...fleet.members)
      t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
    },
  )

  await scenario(
    t,
    fleet,
    'it is powered off and on: the same, and nobody opens before it is back',
    async (t, since) => {
      await io.poweroff()
      await drainedFirst(t, fleet, since)
      for (const { host, units } of fleet.members) {
        t.strictSame([...new Set((await host.states(units)).values())], ['inactive'], host.name)
      }
      await io.boot()
      await untilOpen(...fleet.members)
      t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
    },
  )

  await scenario(t, fleet, 'its power is cut: every host drains by itself, and opens when it is back', async (t) => {
    const cut = Date.now() * 1_000
    await io.cutPower()
    await until('every service has stopped', async () => {
      const states = await Promise.all(fleet.members.map(({ host, units }) => host.states(units)))
      return states.every((each) => [...each.values()].every((state) => state === 'inactive' || state === 'failed'))
    })
    for (const { host } of fleet.members) {
      const hold = (await host.journal(cut)).find(
        ({ fields }) => fields.event === 'hold-taken' && fields.owner === 'self',
      )
      if (hold === undefined) t.fail(`${host.name} has not drained itself`)
      else t.comment(`${host.name} began to drain ${Math.round((hold.at - cut) / 1_000)} ms after the cut`)
    }
    await io.boot()
    await untilOpen(...fleet.members)
    t.strictSame((await fleet.status()).holds, [])
  })

  await scenario(
    t,
    fleet,
    'it has services of its own that need the databases, and is powered off and on',
    async (t, since) => {
      const own = await fleet.join(io, {
        tags: [],
        target: 'jobs',
        targetUnit: 'io-jobs.target',
        needs: ['postgresql'],
        workers: [queue],
      })
      await untilOpen(own)
      const before = Date.now() * 1_000
      await io.poweroff()
      await drainedFirst(t, fleet, before)
      await io.boot()
      await untilOpen(...fleet.members)
      t.strictSame(await complaints(fleet, since), [], 'no connection was refused or cut')
    },
  )
})

async function drainedFirst(t: Test, fleet: Fleet, since: number): Promise<void> {
  const last = await lastStopped(fleet, since)
  const journal = await fleet.io.journal(since)
  const stopping = (unit: string) => momentsOf(journal, [unit]).find(({ what }) => what === 'stopping')?.at ?? 0
  for (const [what, at] of [
    ['PostgreSQL', await postgresToldToStop(fleet, since)],
    ['Redis', stopping('redis-server.service')],
    ['the network', stopping('networking.service')],
  ] as const) {
    t.ok(
      at >= last,
      `${what} was told to stop ${Math.round((at - last) / 1_000)} ms after the last service had stopped`,
    )
  }
}
