import { existsSync } from 'node:fs'
import t from 'tap'
import { booted } from './booted.ts'
import { cgroupDirectory, processesIn } from './cgroup.ts'
import { startManager } from './manager.ts'

const sleeper = '[Service]\nExecStart=/bin/sh -c "sleep 1000 & exec sleep 1000"\n'

t.test('a host starts units in its own cgroup and leaves nothing behind', async (t) => {
  const host = await startManager({ name: 'one' })
  await host.writeUnit('app.service', sleeper)
  await host.daemonReload()
  await host.systemctl('start', 'app.service')
  t.equal(await host.show('app.service', 'ActiveState'), 'active')
  const group = await host.show('app.service', 'ControlGroup')
  t.ok(group.startsWith(host.cgroup), group)
  t.equal((await processesIn(group)).length, 2)
  await host.stop()
  t.notOk(existsSync(cgroupDirectory(host.cgroup)))
  t.notOk(existsSync(host.root))
})

t.test('several hosts stand side by side', async (t) => {
  await using first = await startManager({ name: 'first' })
  await using second = await startManager({ name: 'second' })
  await first.writeUnit('app.service', sleeper)
  await first.daemonReload()
  await first.systemctl('start', 'app.service')
  t.not((await second.tried('is-active', 'app.service')).code, 0)
  t.ok(existsSync('/run/systemd/system'))
})

t.test('a host that is powered off stops its units in order and boots again with its disk', async (t) => {
  const root = t.testdir({})
  const host = await startManager({ name: 'again', root })
  await host.writeUnit(
    'app.service',
    '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/echo up\nExecStop=/bin/echo down\n[Install]\nWantedBy=default.target\n',
  )
  await host.daemonReload()
  await host.systemctl('enable', '--now', 'app.service')
  await host.poweroff()
  await using next = await startManager({ name: 'again', root })
  t.equal(await next.show('app.service', 'ActiveState'), 'active')
  t.equal(await next.log('app.service'), 'up\ndown\nup\n')
})

t.test('the sign of a booted machine goes with the last host', async (t) => {
  const host = await startManager({ name: 'last' })
  await host.stop()
  await host.stop()
  t.equal(existsSync('/run/systemd/system'), booted || (await othersRun()))
})

async function othersRun(): Promise<boolean> {
  const { readdir } = await import('node:fs/promises')
  return (await readdir('/run/guardian-hosts').catch(() => [])).some((name) => name.endsWith('.host'))
}
