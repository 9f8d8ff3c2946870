import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import t from 'tap'
import { endedOf } from '../end-to-end/orders.ts'
import { noEvaluation } from '../nix/nix.ts'
import { layOut, type Rendered, rehomed, renderHost } from '../nix/rendered.ts'
import { debianPackage } from './deb.ts'
import type { Host } from './host.ts'
import { noLab, openLab } from './lab.ts'
import { guardianLayer } from './layer.ts'
import { until } from './until.ts'

const unitsAt = 'etc/systemd/system'
const marker = '/var/lib/io-guardian/drained/io-databases'
const gate = 'io-guardian-gate@postgresql.service'
const dependents = ['shop.service', 'chat.socket', 'job.timer']
const guarded = ['io-databases.target', ...dependents]

// The units are NixOS's, PostgreSQL's own included; the programs are Debian's.
const server = `/usr/lib/postgresql/17/bin`
const completed: Readonly<Record<string, string>> = {
  'postgresql.service': `ExecStart=${server}/postgres -D /var/lib/postgresql/17/main -c config_file=/etc/postgresql/17/main/postgresql.conf`,
  'postgresql-setup.service': `ExecStart=-${server}/psql -h /run/postgresql -c 'create role "io-guardian-coordinator" login'`,
}

/** Where a program of the Nix store is on Debian. */
function onDebian(path: string): string {
  if (path.endsWith('-coordinator-pre-start')) return '/usr/local/sbin/adopt-gates'
  if (/-(guardian|(coreutils|postgresql|systemd)-[\d.]+)\/bin\/\w+$/.test(path)) return join('/usr/bin', basename(path))
  return '/bin/true'
}

async function layDatabase(io: Host, { units }: Rendered): Promise<void> {
  const at = join(io.root, unitsAt)
  const database = Object.entries(units).filter(([name]) => name.startsWith('postgresql'))
  await layOut({ packaged: {}, units: Object.fromEntries(database) }, at, onDebian)
  for (const [name, line] of Object.entries(completed)) {
    await mkdir(join(at, `${name}.d`))
    await writeFile(join(at, `${name}.d`, 'lab.conf'), `[Service]\nExecStart=\n${line}\n`)
  }
  await io.systemctl('mask', 'postgresql@17-main.service')
  await io.systemctl('daemon-reload')
  await io.systemctl('start', 'postgresql.target')
}

/** Units, configuration and key of a host; a switch would start what `multi-user.target` wants. */
async function switchTo(host: Host, rendered: Rendered, keyFile: string, key: string): Promise<void> {
  const at = (path: string) => join(host.root, path)
  const { packaged, units, agent, coordinator, preStart } = rendered
  const ours = Object.entries(units).filter(([name]) => !name.startsWith('postgresql'))
  await layOut({ packaged, units: Object.fromEntries(ours) }, at(unitsAt), onDebian)
  await mkdir(at('etc/guardian'), { recursive: true })
  await writeFile(at(keyFile), key, { mode: 0o600 })
  await writeFile(at('etc/guardian/agent.json'), JSON.stringify(agent))
  await writeFile(at('etc/guardian/coordinator.json'), JSON.stringify(coordinator))
  await rm(at(agent === null ? 'etc/guardian/agent.json' : 'etc/guardian/coordinator.json'))
  const script = `#!/bin/sh -e\n${rehomed(preStart, onDebian)}`
  await writeFile(at('usr/local/sbin/adopt-gates'), script, { mode: 0o755 })
  await host.systemctl('daemon-reload')
  await host.systemctl('start', 'multi-user.target')
}

t.setTimeout(1_200_000)
t.test('the units of the NixOS modules, on real hosts', { skip: noLab || noEvaluation }, async (t) => {
  const onIo = await renderHost('lab-io')
  const onWeb1 = await renderHost('lab-web1')
  await using lab = await openLab()
  const layer = await guardianLayer('trixie', await debianPackage(lab.directory))
  const io = await lab.addHost('io', 'trixie', [layer])
  const web1 = await lab.addHost('web1', 'trixie', [layer])
  await Promise.all([io.boot(), web1.boot()])
  const key = await io.run('guardian', 'keygen')
  await writeFile(join(io.root, 'root/fleet.key'), key, { mode: 0o600 })
  const webKey = await io.run('guardian', 'keygen', '--host', 'web1', '--psk-file', '/root/fleet.key')

  const states = async () => [...(await web1.states(guarded)).values()]
  const untilOpen = () => until('web1 is open', async () => (await states()).every((state) => state === 'active'))
  const isDrained = async () => (await states()).every((state) => state === 'inactive') && existsSync(web1.live(marker))
  const runOfShop = () => web1.show('shop.service', 'InvocationID')
  const failed = async (host: Host) => (await host.systemctl('list-units', '--failed', '--plain', '--no-legend')).trim()
  const ctl = async (...args: readonly string[]) => endedOf(await io.tried('guardian', 'ctl', '--json', ...args)).code

  await t.test('a switch beside a database that runs drains nobody, and its gate is there', async (t) => {
    await layDatabase(io, onIo)
    await switchTo(web1, onWeb1, 'etc/guardian/psk', webKey)
    await untilOpen()
    const before = await runOfShop()
    await switchTo(io, onIo, 'etc/guardian/fleet.key', key)
    await until('the gate is up', async () => (await io.show(gate, 'ActiveState')) === 'active')
    await until('web1 is connected', async () => (await ctl('ping')) === 0)
    t.equal(await ctl('status'), 0)
    t.equal(await runOfShop(), before)
    t.notOk(existsSync(web1.live(marker)))
  })

  await t.test('a stop of PostgreSQL drains first, its target undrains, and a timer keeps its service', async (t) => {
    const since = Date.now() * 1_000
    await io.systemctl('stop', 'postgresql.service')
    t.ok(await isDrained())
    t.equal(await failed(web1), '')
    await io.systemctl('start', 'postgresql.target')
    await untilOpen()
    const journal = await web1.journal(since)
    t.notOk(journal.some(({ unit, text }) => unit === 'shop.service' && /refused|terminat|closed/.test(text)))
    t.notOk(
      journal.some(({ unit }) => unit === 'job.service'),
      'nothing but its timer starts the job',
    )
  })

  await t.test('a restart of either daemon drains nobody', async (t) => {
    const before = await runOfShop()
    await io.systemctl('restart', 'io-guardian-coordinator.service')
    await web1.systemctl('restart', 'io-guardian.service')
    await until('web1 is connected', async () => (await ctl('ping')) === 0)
    t.equal(await runOfShop(), before)
  })

  await t.test('what is held stays drained through starts, a switch and a reboot', async (t) => {
    t.equal(await ctl('drain', '--host', 'web1'), 0)
    for (const unit of guarded) t.not((await web1.tried('systemctl', 'start', unit)).code, 0, unit)
    await web1.systemctl('start', 'multi-user.target', 'sockets.target', 'timers.target')
    t.ok(await isDrained())
    const since = Date.now() * 1_000
    await web1.reboot()
    await until('web1 has booted', async () => (await web1.show('multi-user.target', 'ActiveState')) === 'active')
    t.ok(await isDrained())
    t.equal(await failed(web1), '')
    t.strictSame(await cycles(web1, since), [])
    t.equal(await ctl('undrain', '--host', 'web1'), 0)
    await untilOpen()
  })

  await t.test('a reboot of an open host closes no circle', async (t) => {
    const since = Date.now() * 1_000
    await web1.reboot()
    await untilOpen()
    t.strictSame(await cycles(web1, since), [])
    t.equal(await failed(web1), '')
  })

  await t.test('by the name that IO Guardian had: stopped it drains, started it undrains', async (t) => {
    await io.systemctl('stop', 'io-database-coordinator.service')
    t.ok(await isDrained())
    await io.systemctl('start', 'io-database-coordinator.service')
    await untilOpen()
  })

  await t.test('a poweroff of the databases’ host drains, and its boot undrains', async (t) => {
    const since = Date.now() * 1_000
    await io.poweroff()
    t.ok(await isDrained())
    await io.boot()
    await untilOpen()
    t.strictSame(await cycles(io, since), [])
    t.equal(await failed(io), '')
  })
})

/** What systemd says of orders that go in a circle. */
async function cycles(host: Host, sinceUs: number): Promise<readonly string[]> {
  return (await host.journal(sinceUs)).map(({ text }) => text).filter((text) => /ordering cycle/i.test(text))
}
