import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { generateKey } from '../../protocol/keys.ts'
import { orderAll } from '../fakes/v1-client.ts'
import { startFleet } from '../hosts/fleet.ts'
import { alive, ctl, statusOf, untilOpen } from './orders.ts'

const v1Key = generateKey()
const units = ['app.service']

t.test('keys and the old protocol', async (t) => {
  const v1PskFile = join(t.testdir({ psk: '' }), 'psk')
  await writeFile(v1PskFile, v1Key, { mode: 0o600 })
  await chmod(v1PskFile, 0o600)
  await using fleet = await startFleet({
    hosts: { web1: { dependents: () => [{ unit: 'app.service' }], agent: { acceptV1: true, v1PskFile } } },
  })
  const { address, port } = fleet.place('web1')
  const v1 = async (action: 'drain' | 'undrain', key = v1Key) => {
    const [answer] = await orderAll({ addresses: [address], port, key, action, limitMs: 30_000 })
    return answer
  }

  await t.test('an order with a wrong key is refused, and changes nothing', async (t) => {
    const file = join(t.testdir({}), 'wrong')
    await writeFile(file, generateKey(), { mode: 0o600 })
    const ended = await ctl(fleet, '--direct', '--hosts', `web1=${address}:${port}`, '--psk-file', file, 'drain')
    t.equal(ended.code, 6, ended.said)
    t.match(ended.said, 'the agent does not accept our key')
    t.strictSame(await v1('drain', generateKey()), { address, ok: false, text: 'Invalid key' })
    t.equal(await fleet.host('web1').show('app.service', 'ActiveState'), 'active')
  })

  await t.test('an old client drains beside the coordinator, whose undrain does not undo it', async (t) => {
    t.equal((await v1('drain'))?.ok, true)
    t.strictSame(await alive(fleet, 'web1', units), [])
    const ended = await ctl(fleet, 'undrain', '--host', 'web1')
    t.equal(ended.code, 6, ended.said)
    t.strictSame(await alive(fleet, 'web1', units), [])
    t.equal((await v1('undrain'))?.ok, true)
    await untilOpen(fleet, 'web1', units)
  })

  await t.test(
    'two holds at once: the old client’s undrain leaves the coordinator’s alone, and names it',
    async (t) => {
      const [mine, theirs] = await Promise.all([ctl(fleet, 'drain', '--host', 'web1'), v1('drain')])
      t.equal(mine.code, 0, mine.said)
      t.equal(theirs?.ok, true)
      const owners = (await statusOf(fleet)).hosts.flatMap(({ targets }) => targets.flatMap(({ holds }) => holds))
      t.equal(owners.length, 2)
      const refused = await v1('undrain')
      t.equal(refused?.ok, false)
      t.match(refused?.text, /operator:/)
      t.strictSame(await alive(fleet, 'web1', units), [])
      t.equal((await ctl(fleet, 'undrain', '--host', 'web1')).code, 0)
      await untilOpen(fleet, 'web1', units)
    },
  )
})
