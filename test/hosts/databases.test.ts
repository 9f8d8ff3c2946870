import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { loopbackAddress } from './addresses.ts'
import { addPostgres, addRedis } from './databases.ts'
import { startManager } from './manager.ts'
import { until } from './until.ts'

t.test('real databases run as units, and come back when they are killed', async (t) => {
  await using host = await startManager({ name: 'io' })
  const address = loopbackAddress()
  const databases = [await addPostgres(host, address), await addRedis(host, address)]
  await host.daemonReload()
  for (const { unit, port } of databases) {
    await host.systemctl('start', unit)
    const socket = connect(port, address)
    await once(socket, 'connect')
    socket.destroy()
    const killed = await host.show(unit, 'MainPID')
    await host.systemctl('kill', '--signal=KILL', '--kill-whom=main', unit)
    await until(`${unit} runs again`, async () => {
      return (await host.show(unit, 'ActiveState')) === 'active' && (await host.show(unit, 'MainPID')) !== killed
    })
    await host.systemctl('stop', unit)
    t.equal(await host.show(unit, 'Result'), 'success', unit)
  }
})
