import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { type Fleet, startFleet } from '../hosts/fleet.ts'
import { hostPaths } from '../hosts/fleet-host.ts'
import { ioPaths } from '../hosts/fleet-io.ts'
import type { Manager } from '../hosts/manager.ts'
import { until } from '../hosts/until.ts'
import { alive, ctl, statusOf, untilOpen } from './orders.ts'

const run = promisify(execFile)
const units = ['app.service']
const skip = process.getuid?.() === 0 ? false : 'only root can mount the small disks that this fills'

/** A state directory on a disk of its own, that can be filled. */
async function smallDisk(host: Manager, daemon: string, directory: string, size: string) {
  await host.systemctl('stop', daemon)
  const kept = `${directory}.kept`
  await run('cp', ['-a', directory, kept])
  await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', directory])
  await run('cp', ['-a', `${kept}/.`, directory])
  await host.systemctl('start', daemon)
  const ballast = join(directory, 'ballast')
  return {
    fill: () => run('sh', ['-c', `cat /dev/zero >${ballast} || true`]),
    free: () => rm(ballast),
    [Symbol.asyncDispose]: async () => void (await run('umount', ['--lazy', directory])),
  }
}

async function connected(fleet: Fleet): Promise<void> {
  await until('web1 is connected', async () => (await statusOf(fleet).catch(() => null))?.hosts[0]?.connected === true)
}

t.test('full disks', { skip }, async (t) => {
  await using fleet = await startFleet({ hosts: { web1: { dependents: () => [{ unit: 'app.service' }] } } })
  const host = fleet.host('web1')

  await t.test('an agent whose disk is full drains all the same and says that it is not persisted', async (t) => {
    await using disk = await smallDisk(host, 'io-guardian.service', hostPaths(host).stateDir, '64k')
    await connected(fleet)
    await disk.fill()
    const ended = await ctl(fleet, 'drain', '--host', 'web1')
    t.equal(ended.code, 3, ended.said)
    t.equal(ended.hosts[0]?.is, 'not-persisted')
    t.strictSame(await alive(fleet, 'web1', units), [])
    await disk.free()
    t.equal((await ctl(fleet, 'undrain', '--host', 'web1')).code, 0)
    await untilOpen(fleet, 'web1', units)
    await host.systemctl('stop', 'io-guardian.service')
  })
  await host.systemctl('start', 'io-guardian.service')

  await t.test('a coordinator whose disk is full drains all the same, and refuses to undrain', async (t) => {
    const { stateDir } = ioPaths(fleet.io)
    await using disk = await smallDisk(fleet.io, 'io-guardian-coordinator.service', stateDir, '2m')
    await connected(fleet)
    await disk.fill()
    const ended = await ctl(fleet, 'drain', '--host', 'web1')
    t.equal(ended.code, 3, ended.said)
    t.strictSame(await alive(fleet, 'web1', units), [])
    const undrained = await ctl(fleet, 'undrain', '--host', 'web1')
    t.not(undrained.code, 0, undrained.said)
    t.strictSame(await alive(fleet, 'web1', units), [])
    await disk.free()
    t.equal((await ctl(fleet, 'undrain', '--host', 'web1')).code, 0)
    await untilOpen(fleet, 'web1', units)
    await fleet.io.systemctl('stop', 'io-guardian-coordinator.service')
  })
})
