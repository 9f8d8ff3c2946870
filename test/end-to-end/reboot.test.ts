import { rm } from 'node:fs/promises'
import t from 'tap'
import { startFleet } from '../hosts/fleet.ts'
import { hostPaths } from '../hosts/fleet-host.ts'
import { until } from '../hosts/until.ts'
import { alive, ctl, statusOf, untilOpen } from './orders.ts'

const units = ['app.service']
const fleet = await startFleet({
  hosts: { web1: { dependents: () => [{ unit: 'app.service' }] } },
  // A database that stops waits so long for a host that is off.
  coordinator: { unreachableGrace: '1s' },
})
t.teardown(() => fleet.stop())

/** The agent is back, and has said what it does. */
async function settled(is: string): Promise<void> {
  await until(`web1 is connected and ${is}`, async () => {
    const host = (await statusOf(fleet)).hosts.find(({ name }) => name === 'web1')
    return host?.connected === true && host.targets[0]?.is === is
  })
}

t.test('a host that reboots while it is drained stays drained, with and without its disk', async (t) => {
  t.equal((await ctl(fleet, 'drain', '--host', 'web1')).code, 0)
  await fleet.reboot('web1')
  await settled('drained')
  t.strictSame(await alive(fleet, 'web1', units), [])
  t.equal(await fleet.host('web1').show('app.service', 'InactiveEnterTimestampMonotonic'), '0', 'it never ran')
  await fleet.reboot('web1', () => rm(hostPaths(fleet.host('web1')).stateDir, { recursive: true }))
  await settled('drained')
  t.equal(await fleet.host('web1').show('app.service', 'InactiveEnterTimestampMonotonic'), '0', 'nor then')
  t.equal((await ctl(fleet, 'undrain', '--host', 'web1')).code, 0)
  await untilOpen(fleet, 'web1', units)
})

t.test('a host that reboots while it is open opens again by itself', async () => {
  await fleet.reboot('web1')
  await untilOpen(fleet, 'web1', units)
})

t.test('a host that boots while PostgreSQL is down waits for it', async (t) => {
  await fleet.reboot('web1', async () => void (await fleet.io.systemctl('stop', 'postgresql.service')))
  await settled('drained')
  t.strictSame(await alive(fleet, 'web1', units), [])
  await fleet.io.systemctl('start', 'postgresql.service')
  await untilOpen(fleet, 'web1', units)
})
