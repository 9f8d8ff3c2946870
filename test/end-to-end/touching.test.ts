import t from 'tap'
import { startFleet, targetName } from '../hosts/fleet.ts'
import { unit } from '../hosts/graph.ts'
import type { Manager } from '../hosts/manager.ts'
import { alive, drainEnded, orderDrain, orderUndrain, undrainEnded, untilOpen, untilState } from './orders.ts'

const units = ['app.service', 'deep.service']
const stop = 'ExecStop=/bin/sleep 0.1'
const app = { unit: 'app.service', lines: ['ExecStart=/bin/sleep infinity', stop] }
const deep = { unit: 'deep.service', on: 'app.service', lines: ['ExecStart=/bin/sleep infinity', stop] }
const fleet = await startFleet({ hosts: { web1: { dependents: () => [app, deep] } } })
t.teardown(() => fleet.stop())

const host = fleet.host('web1')
const timer = unit({ Timer: ['OnActiveSec=10ms', 'AccuracySec=1ms', 'Unit=app.service', 'RemainAfterElapse=no'] })
await host.writeUnit('touch.timer', timer)
await host.daemonReload()

/** What touches a dependent while it stops; each is allowed to be refused. */
const touches: Readonly<Record<string, (host: Manager) => Promise<unknown>>> = {
  start: (host) => host.tried('start', 'app.service'),
  restart: (host) => host.tried('restart', 'deep.service'),
  timer: (host) => host.tried('start', 'touch.timer'),
  // What a switch does at its end: every target that was active is started again.
  switch: async (host) => {
    await host.tried('daemon-reload')
    await host.tried('start', 'default.target', `${targetName}.target`)
  },
}

for (const [name, touch] of Object.entries(touches)) {
  t.test(`50 drains, each touched by a ${name} while it stops`, async (t) => {
    const bad: string[] = []
    for (let run = 0; run < 50; run += 1) {
      const hold = await orderDrain(fleet, 'web1')
      await untilState(fleet, 'web1', 'deep.service', 'deactivating')
      await touch(host)
      const { hosts } = await drainEnded(fleet, hold)
      bad.push(...hosts.filter(({ is }) => is !== 'done').map(({ is, reason }) => `run ${run}: ${is} ${reason}`))
      bad.push(...(await alive(fleet, 'web1', units)).map((what) => `run ${run}: ${what}`))
      await orderUndrain(fleet, 'web1')
      await undrainEnded(fleet, 'web1')
    }
    t.strictSame(bad, [])
    await untilOpen(fleet, 'web1', units)
  })
}

t.test('seven drains and openings, one after the other at once, meet no start limit', async (t) => {
  for (let run = 0; run < 7; run += 1) {
    const { hosts } = await drainEnded(fleet, await orderDrain(fleet, 'web1'))
    t.equal(hosts[0]?.is, 'done')
    await orderUndrain(fleet, 'web1')
    t.equal((await undrainEnded(fleet, 'web1')).hosts[0]?.is, 'done')
  }
  await untilOpen(fleet, 'web1', units)
  t.equal(await host.show(`wait-for-${targetName}.service`, 'Result'), 'success')
})
