import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import * as v from 'valibot'
import { sessions, shop } from './cast.ts'
import { type Fleet, plans, startFleet, untilDrained, untilOpen } from './fleet.ts'
import { configFile, writeConfig } from './io.ts'
import { noLab } from './lab.ts'
import { layWorkers, memberOf } from './member.ts'
import { type Command, type Console, consolesOf, type, typedOn } from './page.ts'
import { restore, scenario } from './scenario.ts'
import { dropIn, restless, untilState } from './units.ts'
import { until } from './until.ts'

// Types in the recipes of docs/operating.md.

const page = fileURLToPath(new URL('../../docs/operating.md', import.meta.url))
const consoles = await consolesOf(page)

t.setTimeout(1_800_000)
t.test('the recipes of a night', { skip: noLab, bail: true }, async (t) => {
  await using fleet = await startFleet({ suite: 'bookworm' })
  const { io } = fleet
  const [web1, web2] = [fleet.member('web1'), fleet.member('web2')]
  const names = fleet.members.map(({ host }) => `${host.address} ${host.name}\n`)
  await appendFile(join(io.root, 'etc/hosts'), names.join(''))

  await scenario(t, fleet, 'first look', async (t) => follow(t, fleet, typed('First look')))

  await scenario(t, fleet, 'a gate that is down while its database runs', async (t) => {
    await io.systemctl('stop', 'io-guardian-gate@postgresql.service')
    await untilDrained(fleet, 'web1', 'web2', 'jobs1')
    await follow(t, fleet, typed('What a gate can be'))
    await untilOpen(...fleet.members)
  })

  await scenario(t, fleet, 'a dependent that will not stop', async (t) => {
    await using _ = await dropIn(web1.host, 'shop.service', 'Service', [
      'ExecStop=/bin/sleep 600',
      'TimeoutStopSec=infinity',
    ])
    t.equal((await fleet.ctl('drain', '--host', 'web1', '--no-wait')).code, 0)
    await untilState(web1.host, 'shop.service', 'deactivating')
    await follow(t, fleet, typed('A dependent that will not stop'))
    await untilDrained(fleet, 'web1')
  })

  await scenario(t, fleet, 'back up, restore, take over', async (t) => {
    t.equal((await fleet.ctl('drain', '--host', 'web1', '-m', 'before the copy')).code, 0)
    await follow(t, fleet, typed('Back up'))
    t.equal((await fleet.ctl('drain', '--host', 'web2', '-m', 'after the copy')).code, 0)
    const [restoring, takingOver] = parts('Restore')
    await follow(t, fleet, typedOn([restoring], 'web1'))
    await untilSuperseded(fleet)
    await follow(t, fleet, typedOn([takingOver], 'web1'))
    await untilDrained(fleet, 'web1', 'web2')
    const { holds } = await fleet.status()
    t.match(
      holds.map(({ message, orphan }) => [message, orphan]),
      [
        ['before the copy', false],
        ['after the copy', true],
      ],
    )
  })

  await scenario(t, fleet, 'take over without a host that is gone', async (t) => {
    t.equal((await fleet.ctl('undrain')).code, 0)
    await web2.host.poweroff()
    await follow(t, fleet, typedOn(parts('Restore').slice(0, 1), 'web1'))
    await untilSuperseded(fleet)
    const [taking, excusing] = parts('Takeover')
    await follow(t, fleet, typedOn([taking], 'web1'), { exit: 4 })
    t.strictSame((await fleet.status()).awaiting, ['web2'])
    await follow(t, fleet, typedOn([excusing], 'web1'))
    t.strictSame((await fleet.status()).awaiting, [])
  })

  await scenario(t, fleet, 'rename a host that is drained', async (t) => {
    t.equal((await fleet.ctl('drain', '--host', 'web1')).code, 0)
    await editHosts(fleet, ({ web1: renamed, ...others }) => ({ ...others, shop1: { ...renamed, keyName: 'web1' } }))
    await follow(t, fleet, typed('Rename a host'))
    t.match((await fleet.status()).hosts.find(({ name }) => name === 'shop1')?.targets, [{ is: 'drained' }])
    t.equal((await fleet.ctl('undrain', '--host', 'shop1')).code, 0)
    await fleet.configure()
    await untilConnected(fleet)
  })

  await scenario(t, fleet, 'force one host open', async (t) => {
    await io.systemctl('stop', 'io-database-coordinator.service')
    const [forcing] = parts('Force one host open')
    await follow(t, fleet, typedOn([forcing], 'web1'))
    await untilOpen(web1)
    t.strictSame(await restless(web2), [], 'nobody else')
  })

  // No promise is held against what follows: a person breaks them.
  await t.test('force one open without a coordinator', async (t) => {
    const [, directly] = parts('Force one host open')
    t.equal((await fleet.ctl('drain', '--host', 'web1')).code, 0)
    const id = await soleHold(fleet)
    await io.systemctl('stop', 'io-guardian-coordinator.service')
    await follow(t, fleet, typedOn([directly], 'web1'), { id })
    await untilOpen(web1)
    await restore(fleet)
  })

  await t.test('force one open although its database is dead', async (t) => {
    await io.systemctl('stop', fleet.postgres)
    await until('the probe has noticed', async () => (await fleet.status()).resources.some(({ ready }) => !ready))
    t.equal((await fleet.ctl('undrain', '--host', 'web1', '--force', '--timeout', '1s')).code, 5)
    const agent = join(web1.host.root, 'etc/guardian/agent.json')
    const before = await readFile(agent, 'utf8')
    await writeFile(
      agent,
      JSON.stringify({ ...v.parse(json, before), targets: { 'io-databases': { needs: ['redis'] } } }),
    )
    await follow(t, fleet, typedOn(parts('Force one host open').slice(2), 'web1'))
    await untilState(web1.host, 'sessions.service', 'active')
    await writeFile(agent, before)
    await io.systemctl('start', fleet.postgres)
    await web1.host.systemctl('restart', 'io-guardian.service')
    await restore(fleet)
  })

  await scenario(t, fleet, 'change the key of the fleet', async (t) => {
    const [made, given, used, old, last] = parts('Change the key of the fleet')
    const names = fleet.members.map(({ host }) => host.name)
    const before = await runs(fleet)
    await follow(t, fleet, typedOn([made], 'web1'))
    await follow(
      t,
      fleet,
      typedOn([made], 'web1', 'jobs1').filter(({ text }) => text.includes('jobs1')),
    )
    for (const name of names) await follow(t, fleet, typedOn([given], 'web1', name))
    await follow(t, fleet, typedOn([used], 'web1'))
    for (const name of names) await follow(t, fleet, typedOn([old], 'web1', name))
    await follow(t, fleet, typedOn([last], 'web1'))
    t.strictSame(await runs(fleet), before, 'no service has noticed')
    await io.systemctl('stop', 'io-guardian-coordinator.service')
    await io.systemctl('stop', fleet.postgres)
    for (const member of fleet.members) t.strictSame(await restless(member), [], 'the gate has the new key')
  })

  await scenario(t, fleet, 'change the key of one host', async (t) => {
    const [made, used] = parts('Change the key of one host')
    await follow(t, fleet, typedOn([made], 'web1'))
    await editHosts(fleet, ({ web1: host, ...others }) => ({ ...others, web1: { ...host, keyName: 'web1-2' } }))
    await follow(t, fleet, typedOn([used], 'web1'))
  })

  await scenario(t, fleet, 'maintenance of a database', async (t) => {
    await follow(t, fleet, typed('Maintenance of a database'))
    await untilOpen(...fleet.members)
  })

  await t.test('take a host out, drained; add one during maintenance', async (t) => {
    const [drained, released, removed] = parts('Take a host out of the fleet')
    await follow(t, fleet, typedOn([drained], 'web1'))
    const id = await soleHold(fleet)
    await editHosts(fleet, ({ web2: _, ...others }) => others)
    await follow(t, fleet, typedOn([released], 'web1'), { id })
    await follow(t, fleet, typedOn([removed], 'web1'))
    t.strictSame(await restless(web2), [], 'it stays stopped')

    const host = await fleet.addHost('web3', 'bookworm')
    const web3 = memberOf(host, { ...plans.web1, workers: [shop, sessions] })
    await layWorkers(web3, io)
    await host.systemctl('start', 'shop.service', 'sessions.service')
    t.equal((await fleet.ctl('drain', '--host', '@web', '-m', 'new switch')).code, 0)
    await editHosts(fleet, ({ web1: like, ...others }) => ({
      ...others,
      web1: like,
      web3: { ...like, address: host.address, keyName: 'web3' },
    }))
    const [known, installed] = parts('Add a host, also during maintenance')
    await follow(t, fleet, typedOn([known], 'web1'), { on: [host] })
    const resources = {
      postgresql: { type: 'postgres', host: 'io', port: 5432 },
      redis: { type: 'redis', host: 'io', port: 6379 },
    }
    await writeFile(join(host.root, 'etc/guardian/agent.json'), JSON.stringify({ host: 'web3', resources }))
    await follow(t, fleet, typedOn([installed], 'web1'), { on: [host] })
    await untilDrained(fleet, 'web1', 'web3')
    t.strictSame(await restless(web3), [], 'its first word was the hold')
    t.equal((await fleet.ctl('undrain', '--host', '@web')).code, 0)
    await untilOpen(web1, web3)
  })
})

/** The consoles below a heading; what is not there is typed as nothing would be. */
function parts(heading: string): readonly [Console, Console, Console, Console, Console] {
  const none = { section: heading, commands: [] }
  const found = consoles.filter(({ section }) => section === heading)
  if (found.length === 0) throw new Error(`nothing is typed below "${heading}"`)
  const [first = none, second = none, third = none, fourth = none, fifth = none] = found
  return [first, second, third, fourth, fifth]
}

const typed = (heading: string) => typedOn(parts(heading), 'web1')

interface Following {
  /** What stands for ID in a command. */
  readonly id?: string
  /** What each command is to end with. */
  readonly exit?: number
  /** Hosts beside those of the fleet. */
  readonly on?: readonly Parameters<typeof memberOf>[0][]
}

async function follow(
  t: Test,
  fleet: Fleet,
  commands: readonly Command[],
  { id = 'ID', exit = 0, on = [] }: Following = {},
) {
  const hosts = [fleet.io, ...fleet.members.map(({ host }) => host), ...on]
  for (const command of commands) {
    const text = command.text.replaceAll(/\bID\b/g, id)
    const { code, stdout, stderr } = await type(hosts, { host: command.host, text })
    t.equal(code, exit, `${command.host}# ${text}\n${stdout}${stderr}`)
    if (/^systemctl (reload|restart) io-guardian(-coordinator)?\.service$/.test(text)) await untilConnected(fleet)
  }
}

const json = v.pipe(v.string(), v.parseJson(), v.looseObject({}))
const config = v.pipe(v.string(), v.parseJson(), v.looseObject({ hosts: v.record(v.string(), v.looseObject({})) }))
type Hosts = v.InferOutput<typeof config>['hosts']

/** As a person edits coordinator.json; nobody has read it yet. */
async function editHosts({ io }: Fleet, edit: (hosts: Hosts) => object): Promise<void> {
  const now = v.parse(config, await readFile(join(io.root, configFile), 'utf8'))
  await writeConfig(io, { ...now, hosts: edit(now.hosts) })
}

/** The coordinator has a link to every host that its configuration names and that has an agent with its key. */
async function untilConnected(fleet: Fleet): Promise<void> {
  const { hosts } = v.parse(config, await readFile(join(fleet.io.root, configFile), 'utf8'))
  const names = Object.keys(hosts).filter((name) => name !== 'web3')
  await until('every host is connected', async () => {
    const status = await fleet.status().catch(() => null)
    const connected = status?.hosts.filter((host) => host.connected).map(({ name }) => name) ?? []
    return names.every((name) => connected.includes(name))
  })
}

async function untilSuperseded(fleet: Fleet): Promise<void> {
  await until('it knows that it is superseded', async () => {
    return ((await fleet.status().catch(() => null))?.superseded ?? null) !== null
  })
}

async function soleHold(fleet: Fleet): Promise<string> {
  const [hold, ...others] = (await fleet.status()).holds
  if (hold === undefined || others.length > 0) throw new Error('there is not just one hold')
  return hold.id
}

/** What changes when a service is started anew. */
async function runs({ members }: Fleet): Promise<readonly string[]> {
  const all = members.map(({ host, units }) => Promise.all(units.map((unit) => host.show(unit, 'InvocationID'))))
  return (await Promise.all(all)).flat()
}
