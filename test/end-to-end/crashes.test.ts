import t from 'tap'
import { startFleet } from '../hosts/fleet.ts'
import { until } from '../hosts/until.ts'
import { alive, ctl, statusOf, untilOpen, untilState } from './orders.ts'

const slow = { unit: 'slow.service', lines: ['ExecStart=/bin/sleep infinity', 'ExecStop=/bin/sleep 2'] }
const units = ['slow.service']
const fleet = await startFleet({
  hosts: { web1: { dependents: () => [slow] }, web2: { dependents: () => [{ unit: 'slow.service' }] } },
})
t.setTimeout(300_000)
t.teardown(() => fleet.stop())

const kill = (host: 'io' | 'web1', unit: string) => {
  return (host === 'io' ? fleet.io : fleet.host(host)).systemctl('kill', '--signal=KILL', '--kill-whom=main', unit)
}

async function open(): Promise<void> {
  for (const name of ['web1', 'web2']) await untilOpen(fleet, name, units)
}

t.test(
  'a coordinator that is killed in a drain completes it, and whoever waits is not told more than is so',
  async (t) => {
    const waiting = ctl(fleet, 'drain', '--yes', '-m', 'crash')
    await untilState(fleet, 'web1', 'slow.service', 'deactivating')
    await kill('io', 'io-guardian-coordinator.service')
    const ended = await waiting
    t.ok([0, 9].includes(ended.code), ended.said)
    if (ended.code === 0) t.strictSame(await alive(fleet, 'web1', units), [], 'done means done')
    await until('both hosts are drained', async () => {
      return (await alive(fleet, 'web1', units)).length + (await alive(fleet, 'web2', units)).length === 0
    })
    await until('the new coordinator knows the hold', async () => (await statusOf(fleet)).holds.length === 1)
    t.equal((await ctl(fleet, 'undrain')).code, 0)
    await open()
  },
)

t.test('an agent that is killed in a drain completes it, and the one who waits learns it', async (t) => {
  const waiting = ctl(fleet, 'drain', '--host', 'web1')
  await untilState(fleet, 'web1', 'slow.service', 'deactivating')
  await kill('web1', 'io-guardian.service')
  const ended = await waiting
  t.equal(ended.code, 0, ended.said)
  t.strictSame(await alive(fleet, 'web1', units), [])
  t.equal((await ctl(fleet, 'undrain')).code, 0)
  await open()
})

t.test('a database whose coordinator is killed while it drains still stops last', async (t) => {
  const stopping = fleet.io.systemctl('stop', 'postgresql.service')
  await untilState(fleet, 'web1', 'slow.service', 'deactivating')
  await kill('io', 'io-guardian-coordinator.service')
  await stopping
  const stopped = Number(await fleet.host('web1').show('slow.service', 'InactiveEnterTimestampMonotonic'))
  const began = Number(await fleet.io.show('postgresql.service', 'ActiveExitTimestampMonotonic'))
  t.ok(began >= stopped, `PostgreSQL began to stop ${began - stopped} µs after the last dependent`)
  t.strictSame(await alive(fleet, 'web1', units), [])
  await fleet.io.systemctl('start', 'postgresql.service')
  await open()
})

t.test('a restart of either daemon drains nothing', async (t) => {
  const pid = await fleet.host('web1').show('slow.service', 'MainPID')
  await fleet.io.systemctl('restart', 'io-guardian-coordinator.service')
  await fleet.host('web1').systemctl('restart', 'io-guardian.service')
  await until('the host is connected and open', async () => {
    const status = await statusOf(fleet).catch(() => null)
    return status?.hosts.find(({ name }) => name === 'web1')?.targets[0]?.is === 'open'
  })
  t.equal(await fleet.host('web1').show('slow.service', 'MainPID'), pid)
})
