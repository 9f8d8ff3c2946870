import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startManager } from './manager.ts'

t.test(
  'a target takes its dependents of every level along, last level first, and is shut while its marker stands',
  async (t) => {
    await using host = await startManager({ name: 'graph' })
    await host.writeGraph({
      target: 'io-databases',
      wait: '/bin/true',
      dependents: [{ unit: 'app.service' }, { unit: 'deep.service', on: 'app.service' }],
    })
    await host.systemctl('start', 'io-databases.target')
    t.equal(await host.show('deep.service', 'ActiveState'), 'active')
    await mkdir(join(host.stateDir, 'drained'))
    await writeFile(join(host.stateDir, 'drained/io-databases'), '')
    await host.systemctl('stop', 'io-databases.target', 'app.service', 'deep.service')
    for (const unit of ['io-databases.target', 'app.service', 'deep.service']) {
      t.not((await host.tried('start', unit)).code, 0)
      t.equal(await host.show(unit, 'ActiveState'), 'inactive', unit)
    }
  },
)

t.test('what a graph hangs on its target is seen by systemd from the target', async (t) => {
  await using host = await startManager({ name: 'graph' })
  await host.writeGraph({
    target: 'io-databases',
    dependents: [{ unit: 'app.service' }, { unit: 'loose.service', unguarded: true, wanted: false }],
  })
  await host.systemctl('start', 'app.service', 'loose.service')
  t.strictSame((await host.show('io-databases.target', 'RequiredBy')).split(' ').sort(), [
    'app.service',
    'loose.service',
  ])
  t.equal(await host.show('io-databases.target', 'Wants'), 'app.service')
})
