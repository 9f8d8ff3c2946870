import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { complaints } from './complaints.ts'
import { type Fleet, hostsOf, startFleet, untilDrained, untilOpen } from './fleet.ts'
import { noLab } from './lab.ts'
import type { Member } from './member.ts'
import { lastStopped, postgresToldToStop } from './order.ts'
import { scenario } from './scenario.ts'
import { openSlowLink } from './slow-wire-link.ts'
import { momentsOf } from './unit-history.ts'
import { dropIn, heldUp, restless, untilState } from './units.ts'
import { until } from './until.ts'

const minuteMs = 60_000
const wire = { delayMs: 300, jitterMs: 100, bytesPerSecond: 20_000 }

t.setTimeout(1_200_000)
t.test('hosts that are far away, slow, or gone for long', { skip: noLab }, async (t) => {
  await using fleet = await startFleet({ suite: 'bookworm' })
  const [web1, web2, jobs1] = [fleet.member('web1'), fleet.member('web2'), fleet.member('jobs1')]
  const { io, lab } = fleet

  await scenario(
    t,
    fleet,
    'a link of 300 to 400 ms each way and 20 KB a second: nobody takes the other for lost, and orders are orders',
    async (t, since) => {
      await using _link = await behindSlowLink(fleet, web1)
      const connected = Date.now() * 1_000
      t.equal((await fleet.ctl('drain', '--host', 'web1')).code, 0)
      t.strictSame(await restless(web1), [])
      t.equal((await fleet.ctl('undrain', '--host', 'web1')).code, 0)
      await untilOpen(web1)

      await using shop = await heldUp(web1.host, 'shop.service')
      const ended = await fleet.ctl('drain', '--host', 'web1', '--timeout', '3s')
      t.equal(ended.code, 5, ended.said)
      await shop.letGo()
      await untilDrained(fleet, 'web1')
      t.strictSame(await restless(web1), [], 'the drain went on')
      t.equal((await fleet.ctl('undrain', '--host', 'web1')).code, 0)
      await untilOpen(web1)

      const before = Date.now() * 1_000
      await io.systemctl('stop', fleet.postgres)
      await stoppedInOrder(t, fleet, before)
      await io.systemctl('start', fleet.postgres)
      await untilOpen(...fleet.members)
      t.strictSame(await complaints(fleet, connected), [], 'no connection was refused or cut')
      const [onIo, onWeb1] = [await io.journal(connected), await web1.host.journal(since)]
      t.notOk(onIo.some(({ fields }) => fields.event === 'host-lost'))
      t.notOk(onWeb1.some(({ fields }) => fields.owner === 'self'))
    },
  )

  await scenario(
    t,
    fleet,
    'at once: a minute without a network, one for ever without, and a service that stops 30 s after all else at a reboot',
    async (t, since) => {
      t.equal((await fleet.ctl('drain', '--host', 'jobs1', '-m', 'for ever')).code, 0)
      for (const name of ['web1', 'jobs1']) await lab.network.cut('io', name)
      const cut = performance.now()
      await Promise.all([rebootSlowly(t, fleet, web2, since), jobs1.host.reboot()])

      await until('web1 has drained by itself', async () => (await restless(web1)).length === 0)
      // What is tried is a minute without the network, twice the time after which a host acts.
      await pause(Math.max(0, minuteMs - (performance.now() - cut)))
      t.strictSame(await restless(web1), [])
      await lab.network.mend('io', 'web1')
      await untilOpen(web1)

      t.strictSame(await restless(jobs1), [], 'neither time nor a reboot opens it')
      t.equal((await fleet.ctl('undrain', '--host', 'jobs1')).code, 4, 'and nobody who does not reach it')
      t.strictSame(await restless(jobs1), [])
      const here = ['guardian', 'ctl', '--direct', '--hosts', 'jobs1', '--psk-file', '/etc/guardian/psk']
      const holds = (await jobs1.host.run('cat', '/var/lib/io-guardian/drained/jobs')).match(/[0-9a-f]{32}/)
      t.equal(
        (await jobs1.host.tried('env', ...here, 'undrain', '--hold', holds?.[0] ?? '', '--timeout', '2s')).code,
        5,
      )
      t.strictSame(await restless(jobs1), [], 'a person there ends the hold, and it waits for its database')
      await lab.network.mend('io', 'jobs1')
      await untilOpen(jobs1)
    },
  )
})

/** A reboot during which PostgreSQL is stopped, and in which one service takes 30 s more to stop than the others. */
async function rebootSlowly(t: Test, fleet: Fleet, member: Member, since: number): Promise<void> {
  const { io } = fleet
  const { host } = member
  await using _ = await dropIn(host, 'shop.service', 'Service', ['ExecStop=/bin/sleep 30'])
  await host.tried('systemctl', 'reboot')
  await untilState(host, 'shop.service', 'deactivating')
  await io.systemctl('stop', fleet.postgres)
  await host.off()
  await stoppedInOrder(t, fleet, since, ['web2', 'jobs1'])
  const journal = await host.journal(since)
  const agent = momentsOf(journal, ['io-guardian.service']).find(({ what }) => what === 'stopping')
  t.ok((agent?.at ?? 0) >= (await lastStopped(fleet, since, [host.name])), 'the agent saw its last service stop')
  await host.boot()
  await untilDrained(fleet, host.name)
  await io.systemctl('start', fleet.postgres)
  await untilOpen(member)
  const own = (await complaints(fleet, since)).filter((line) => line.startsWith(host.name))
  t.strictSame(own, [], 'no connection was refused or cut')
}

async function stoppedInOrder(t: Test, fleet: Fleet, since: number, names?: readonly string[]): Promise<void> {
  const [told, last] = [await postgresToldToStop(fleet, since), await lastStopped(fleet, since, names)]
  const afterMs = Math.round((told - last) / 1_000)
  t.ok(told >= last, `PostgreSQL was told to stop ${afterMs} ms after the last service had stopped`)
}

/** A host that reaches the databases, and is reached by the coordinator, over nothing but a long and thin wire. */
async function behindSlowLink(fleet: Fleet, { host }: Member): Promise<AsyncDisposable> {
  const { io, lab, members } = fleet
  const link = await openSlowLink(lab.network, wire, [
    { host: host.address, port: 9876 },
    { host: io.address, port: 5432 },
    { host: io.address, port: 6379 },
  ])
  const names = join(host.root, 'etc/hosts')
  const before = await readFile(names, 'utf8')
  await writeFile(names, before.replace(`${io.address} io`, `${link.address} io`))
  const hosts = Object.entries(hostsOf(members)).map(([name, entry]) => {
    return [name, name === host.name ? { ...entry, address: link.address } : entry]
  })
  await fleet.configure({ hosts: Object.fromEntries(hosts) })
  await until(`the way to ${host.name} and back is as long as the wire`, async () => {
    const found = (await fleet.status()).hosts.find(({ name }) => name === host.name)
    return found?.connected === true && (found.roundTripMs ?? 0) >= 2 * wire.delayMs
  })
  return {
    [Symbol.asyncDispose]: async () => {
      await writeFile(names, before)
      await fleet.configure()
      await link[Symbol.asyncDispose]()
    },
  }
}
