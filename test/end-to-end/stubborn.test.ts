import t from 'tap'
import { startFleet } from '../hosts/fleet.ts'
import { until } from '../hosts/until.ts'
import { alive, ctl, statusOf, untilOpen } from './orders.ts'

const deaf = `ExecStart=/bin/sh -c 'trap "" TERM; while :; do sleep 0.2; done'`
const fleet = await startFleet({
  hosts: {
    web1: { dependents: () => [{ unit: 'deaf.service', lines: [deaf, 'TimeoutStopSec=6s'] }] },
    web2: {
      dependents: () => [
        { unit: 'clumsy.service', lines: [`ExecStart=/bin/sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'`] },
      ],
    },
  },
  target: { drainDeadline: '2s' },
})
t.teardown(() => fleet.stop())

t.test('a dependent that does not stop before the deadline is named, and stops later', async (t) => {
  await untilOpen(fleet, 'web1', ['deaf.service'])
  const ended = await ctl(fleet, 'drain', '--host', 'web1')
  t.equal(ended.code, 5, ended.said)
  t.match(ended.said, /deaf\.service/)
  t.equal(ended.hosts[0]?.is, 'deadline')
  // A deadline ends the waiting, never the drain.
  await until('it has stopped', async () => (await alive(fleet, 'web1', ['deaf.service'])).length === 0)
  await until('the coordinator knows it', async () => {
    return (await statusOf(fleet)).hosts.find(({ name }) => name === 'web1')?.targets[0]?.is === 'drained'
  })
  t.equal((await ctl(fleet, 'undrain', '--host', 'web1')).code, 0)
  await untilOpen(fleet, 'web1', ['deaf.service'])
})

t.test('one that ends failed is drained, and named', async (t) => {
  const ended = await ctl(fleet, 'drain', '--host', 'web2')
  t.equal(ended.code, 0, ended.said)
  t.equal(await fleet.host('web2').show('clumsy.service', 'ActiveState'), 'failed')
  t.strictSame(await alive(fleet, 'web2', ['clumsy.service']), [])
  const seat = (await statusOf(fleet)).hosts.find(({ name }) => name === 'web2')?.targets[0]
  t.strictSame(seat?.failed, ['clumsy.service'])
  t.equal((await ctl(fleet, 'undrain', '--host', 'web2')).code, 0, 'and it can be opened again')
  await untilOpen(fleet, 'web2', ['clumsy.service'])
})
