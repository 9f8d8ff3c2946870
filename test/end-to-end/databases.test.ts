import t from 'tap'
import { startFleet } from '../hosts/fleet.ts'
import { until } from '../hosts/until.ts'
import { complaints, prepare, searchIndex, sessions, shop } from '../hosts/workers.ts'
import { alive, ctl, statusOf, untilOpen } from './orders.ts'

const workers = {
  web1: ['shop.service', 'sessions.service', 'search-index.service'],
  jobs1: ['shop.service', 'sessions.service'],
}

const fleet = await startFleet({
  hosts: {
    web1: {
      tags: ['web'],
      dependents: (databases) => [shop(databases), sessions(databases), searchIndex(databases, 3)],
    },
    jobs1: { dependents: (databases) => [shop(databases), sessions(databases)] },
  },
  target: { waves: ['@web', '!@web'], drainDeadline: '30s' },
})
t.setTimeout(300_000)
t.teardown(() => fleet.stop())
await prepare(fleet)

const open = () => Promise.all(Object.entries(workers).map(([name, units]) => untilOpen(fleet, name, units)))
const moment = async (unit: string, which: string) => Number(await fleet.io.show(unit, `${which}TimestampMonotonic`))

async function lastStopped(): Promise<number> {
  const all = Object.entries(workers).flatMap(([name, units]) => units.map((unit) => [name, unit] as const))
  const moments = all.map(([name, unit]) => fleet.host(name).show(unit, 'InactiveEnterTimestampMonotonic'))
  return Math.max(...(await Promise.all(moments)).map(Number))
}

t.test('PostgreSQL stops only after the last worker, one of second level that takes three seconds too', async (t) => {
  await open()
  await fleet.io.systemctl('stop', 'postgresql.service')
  for (const [name, units] of Object.entries(workers)) t.strictSame(await alive(fleet, name, units), [], name)
  t.ok(
    (await moment('postgresql.service', 'ActiveExit')) >= (await lastStopped()),
    'it began to stop after the last of them',
  )
  t.strictSame(await complaints(fleet, workers), [])
})

t.test('it starts, and every host opens by itself, towards a database that is there', async (t) => {
  await fleet.io.systemctl('start', 'postgresql.service')
  await open()
  t.strictSame(await complaints(fleet, workers), [])
})

t.test('a host that an operator drained stays drained through restarts of both databases', async (t) => {
  t.equal((await ctl(fleet, 'drain', '--host', 'web1', '-m', 'new disk')).code, 0)
  for (const database of ['postgresql.service', 'redis.service']) {
    await fleet.io.systemctl('restart', database)
    await untilOpen(fleet, 'jobs1', workers.jobs1)
  }
  t.strictSame(await alive(fleet, 'web1', workers.web1), [])
  t.equal((await ctl(fleet, 'undrain', '--host', 'web1')).code, 0)
  await open()
  t.strictSame(await complaints(fleet, workers), [])
})

t.test(
  'stopped and started by its old name, the coordinator drains and opens all while the databases run',
  async (t) => {
    await fleet.io.systemctl('stop', 'io-database-coordinator.service')
    for (const [name, units] of Object.entries(workers)) t.strictSame(await alive(fleet, name, units), [], name)
    t.equal(await fleet.io.show('postgresql.service', 'ActiveState'), 'active')
    await fleet.io.systemctl('start', 'io-database-coordinator.service')
    await open()
    t.strictSame(await complaints(fleet, workers), [])
  },
)

t.test('a PostgreSQL that is killed comes back, and so does its gate and every host', async (t) => {
  const before = await moment('io-guardian-gate@postgresql.service', 'ActiveEnter')
  await fleet.io.systemctl('kill', '--signal=KILL', '--kill-whom=main', 'postgresql.service')
  await until(
    'its gate is back',
    async () => (await moment('io-guardian-gate@postgresql.service', 'ActiveEnter')) > before,
  )
  await open()
  t.strictSame((await statusOf(fleet)).holds, [])
})
