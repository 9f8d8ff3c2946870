import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startFleet, targetName } from '../hosts/fleet.ts'
import { unit } from '../hosts/graph.ts'
import type { Manager } from '../hosts/manager.ts'
import { until } from '../hosts/until.ts'
import { alive, drainEnded, orderDrain, orderUndrain, undrainEnded, untilOpen, untilState } from './orders.ts'

const units = ['app.service', 'deep.service']
const directory = t.testdir({})

/** The file for which the stop of a host's dependents waits, so that it is touched in the midst of it. */
const touched = (name: string) => join(directory, name)

const dependents = (name: string) => () => {
  const lines = [
    'ExecStart=/bin/sleep infinity',
    `ExecStop=/bin/sh -c 'until [ -e ${touched(name)} ]; do sleep 0.01; done'`,
  ]
  return [
    { unit: 'app.service', lines },
    { unit: 'deep.service', on: 'app.service', lines },
  ]
}

/** What touches a dependent while it stops; each is allowed to be refused. `arm` goes before the drain. */
interface Touch {
  readonly arm?: (host: Manager) => Promise<unknown>
  readonly touch: (host: Manager) => Promise<unknown>
}

const touches: Readonly<Record<string, Touch>> = {
  start: { touch: (host) => host.tried('start', 'app.service') },
  restart: { touch: (host) => host.tried('restart', 'deep.service') },
  timer: {
    // Started earlier, because its own start would wait for the stop of what it triggers.
    arm: (host) => host.systemctl('restart', 'touch.timer'),
    touch: (host) =>
      until('the timer has fired', async () => (await host.show('touch.timer', 'SubState')) !== 'waiting'),
  },
  // What a switch does at its end: every target that was active is started again.
  switch: {
    touch: async (host) => {
      await host.tried('daemon-reload')
      await host.tried('start', 'default.target', `${targetName}.target`)
    },
  },
}

const hosts = Object.keys(touches).map((name) => [name, { dependents: dependents(name) }] as const)
const fleet = await startFleet({ hosts: Object.fromEntries(hosts) })
t.setTimeout(300_000)
t.teardown(() => fleet.stop())
for (const name of Object.keys(touches)) {
  const timer = unit({
    Unit: ['StartLimitIntervalSec=0'],
    Timer: ['OnActiveSec=500ms', 'AccuracySec=1ms', 'Unit=app.service'],
  })
  await fleet.host(name).writeUnit('touch.timer', timer)
  await fleet.host(name).daemonReload()
}

/** What was wrong with one drain that was touched. */
async function drainTouched(name: string, { arm, touch }: Touch): Promise<readonly string[]> {
  const host = fleet.host(name)
  await arm?.(host)
  const hold = await orderDrain(fleet, name)
  await untilState(fleet, name, 'deep.service', 'deactivating')
  await touch(host)
  await writeFile(touched(name), '')
  const { hosts } = await drainEnded(fleet, hold)
  const undone = hosts.filter(({ is }) => is !== 'done').map(({ is, reason }) => `${is} ${reason}`)
  const left = await alive(fleet, name, units)
  await rm(touched(name))
  await orderUndrain(fleet, name)
  await undrainEnded(fleet, name)
  return [...undone, ...left]
}

t.test('each kind of touch has its host, drained fifty times', async (t) => {
  await Promise.all(
    Object.entries(touches).map(async ([name, touch]) => {
      const bad: string[] = []
      for (let run = 0; run < 50; run += 1)
        bad.push(...(await drainTouched(name, touch)).map((what) => `${run}: ${what}`))
      t.strictSame(bad, [], `touched by a ${name}`)
      await untilOpen(fleet, name, units)
    }),
  )
})

t.test('seven drains and openings, one after the other at once, meet no start limit', async (t) => {
  await writeFile(touched('start'), '')
  for (let run = 0; run < 7; run += 1) {
    const { hosts } = await drainEnded(fleet, await orderDrain(fleet, 'start'))
    t.equal(hosts[0]?.is, 'done')
    await orderUndrain(fleet, 'start')
    t.equal((await undrainEnded(fleet, 'start')).hosts[0]?.is, 'done')
  }
  await untilOpen(fleet, 'start', units)
  t.equal(await fleet.host('start').show(`wait-for-${targetName}.service`, 'Result'), 'success')
})
