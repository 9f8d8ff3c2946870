import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { debianPackage } from './deb.ts'
import type { Host } from './host.ts'
import { noLab, openLab } from './lab.ts'
import { traces } from './traces.ts'
import { until } from './until.ts'

const exec = promisify(execFile)

/** The package, unpacked and packed again as a later version. */
async function later(file: string, directory: string): Promise<string> {
  const [raw, packed] = [join(directory, 'raw'), join(directory, 'later.deb')]
  await exec('dpkg-deb', ['-R', file, raw])
  const control = await readFile(join(raw, 'DEBIAN/control'), 'utf8')
  await writeFile(join(raw, 'DEBIAN/control'), control.replace(/^Version: .*$/m, 'Version: 99'))
  await exec('dpkg-deb', ['-Zzstd', '-b', raw, packed])
  return packed
}

async function give(host: Host, file: string, path: string): Promise<void> {
  await cp(file, join(host.root, path))
}

const web = '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n'

/** What tells whether a unit has been stopped or started in between. */
const runOf = (host: Host, unit: string): Promise<string> => host.show(unit, 'InvocationID')

t.setTimeout(900_000)
t.test('the Debian package', { skip: noLab }, async (t) => {
  await using lab = await openLab()
  const [first, io, host] = await Promise.all([
    debianPackage(lab.directory),
    lab.addHost('io', 'bookworm'),
    lab.addHost('web', 'trixie'),
  ])
  const [second] = await Promise.all([later(first, lab.directory), io.boot(), host.boot()])
  const both = [io, host]
  const databases = ['postgresql@15-main.service', 'redis-server.service']
  const gates = ['io-guardian-gate@postgresql.service', 'io-guardian-gate@redis.service']
  await io.systemctl('start', 'postgresql.service', 'redis-server.service')
  await until(
    'PostgreSQL runs',
    async () => (await io.states(databases)).get('postgresql@15-main.service') === 'active',
  )
  await writeFile(join(host.root, 'etc/systemd/system/web.service'), web)
  await host.systemctl('daemon-reload')
  await host.systemctl('enable', '--now', 'web.service')
  const running = await runOf(host, 'web.service')
  const clean = await Promise.all(both.map(traces))
  const status = async () => (await io.tried('guardian', 'ctl', 'status')).stdout
  const kept = async (t: Test, what: string) => {
    t.equal(await runOf(host, 'web.service'), running, `${what}: the dependent runs on`)
    t.strictSame([...(await io.states(databases)).values()], ['active', 'active'], `${what}: the databases, too`)
  }

  await t.test('starts nothing by itself', async (t) => {
    for (const each of both) {
      await give(each, first, 'root/guardian.deb')
      await each.run('dpkg', '-i', '/root/guardian.deb')
      const names = ['io-guardian.service', 'io-guardian-coordinator.service', 'io-databases.target']
      t.strictSame([...(await each.states(names)).values()], ['inactive', 'inactive', 'inactive'])
      t.match(await each.tried('systemctl', 'is-enabled', ...names), { stdout: 'disabled\ndisabled\ndisabled\n' })
    }
  })

  await t.test('is set up beside running databases, and drains nobody', async (t) => {
    await io.run('guardian', 'install', 'coordinator')
    await io.run('guardian', 'keygen', '--out', '/etc/guardian/fleet.key')
    const config = join(io.root, 'etc/guardian/coordinator.json')
    const found = await readFile(config, 'utf8')
    await writeFile(config, found.replace('"hosts": {}', `"hosts": { "web": { "address": "${host.address}" } }`))
    const key = await io.run('guardian', 'keygen', '--host', 'web', '--psk-file', '/etc/guardian/fleet.key')
    t.match(await host.run('guardian', 'install', 'agent', '--dependent', 'web'), 'next: put the key of this host into')
    await writeFile(join(host.root, 'etc/guardian/psk'), key, { mode: 0o600 })
    const resources = {
      postgresql: { type: 'postgres', host: io.address },
      redis: { type: 'redis', host: io.address },
    }
    await writeFile(join(host.root, 'etc/guardian/agent.json'), JSON.stringify({ host: 'web', resources }))
    t.match(await host.run('guardian', 'install', 'agent'), 'ran systemctl start io-guardian.service')
    t.match(
      await io.run('guardian', 'install', 'coordinator'),
      'ran systemctl start io-guardian-gate@postgresql.service',
    )
    await until('the host is open', async () => (await status()).includes('1 host: 1 open'))
    t.equal(await host.run('guardian', 'install', 'agent'), 'nothing to change\n')
    t.equal(await io.run('guardian', 'install', 'coordinator'), 'nothing to change\n')
    t.match(await status(), 'revision 0', 'there has been no hold')
    await kept(t, 'set up')
  })

  await t.test('is upgraded in place: daemons restart, and nothing else', async (t) => {
    const daemons = [
      [io, 'io-guardian-coordinator.service'],
      [host, 'io-guardian.service'],
    ] as const
    const before = await Promise.all(daemons.map(([each, unit]) => runOf(each, unit)))
    const still = async () => [
      ...(await Promise.all(gates.map((gate) => runOf(io, gate)))),
      ...(await Promise.all(['io-databases.target', 'wait-for-io-databases.service'].map((unit) => runOf(host, unit)))),
    ]
    const stood = await still()
    for (const each of both) {
      await give(each, second, 'root/later.deb')
      await each.run('dpkg', '-i', '/root/later.deb')
    }
    for (const [at, [each, unit]] of daemons.entries()) t.not(await runOf(each, unit), before[at], `${unit} is new`)
    t.strictSame(await still(), stood)
    await until('the host is open', async () => (await status()).includes('1 host: 1 open'))
    t.match(await status(), 'revision 0', 'there has been no hold')
    await kept(t, 'upgraded')
  })

  await t.test('works: the fleet is drained before a database stops, and opened after it', async (t) => {
    await io.systemctl('stop', 'postgresql@15-main.service')
    t.equal(await host.show('web.service', 'ActiveState'), 'inactive')
    t.not((await host.tried('systemctl', 'start', 'web.service')).code, 0)
    await io.systemctl('start', 'postgresql@15-main.service')
    await until('the dependent runs', async () => (await host.show('web.service', 'ActiveState')) === 'active')
    t.equal((await host.run('systemctl', '--failed', '--no-legend')).trim(), '')
    t.equal((await io.run('systemctl', '--failed', '--no-legend')).trim(), '')
  })

  await t.test('is removed without a drain, and purged without a trace', async (t) => {
    const running = await runOf(host, 'web.service')
    for (const each of both) await each.run('dpkg', '-r', 'guardian')
    t.equal(await runOf(host, 'web.service'), running, 'the dependent runs on')
    t.strictSame(
      [...(await io.states([...databases, ...gates])).values()],
      ['active', 'active', 'inactive', 'inactive'],
    )
    await host.systemctl('restart', 'web.service')
    for (const each of both) await each.run('dpkg', '-P', 'guardian')
    t.strictSame(await Promise.all(both.map(traces)), clean)
    t.equal((await host.run('systemctl', 'list-units', '--all', '--no-legend', 'io-*', 'wait-for-*')).trim(), '')
    t.equal((await io.run('systemctl', 'list-units', '--all', '--no-legend', 'io-*')).trim(), '')
  })

  await t.test('without a package: install and uninstall of what lies somewhere', async (t) => {
    for (const each of both) {
      await mkdir(join(each.root, 'opt'), { recursive: true })
      await cp(join(lab.directory, 'raw/usr/lib/guardian'), join(each.root, 'opt/guardian'), { recursive: true })
    }
    const guardian = (each: Host, ...args: readonly string[]) =>
      each.run('/opt/guardian/node', '/opt/guardian/dist/guardian.js', ...args)
    const running = await runOf(host, 'web.service')
    await guardian(host, 'install', 'agent', '--dependent', 'web')
    await guardian(io, 'install', 'coordinator')
    await guardian(io, 'keygen', '--out', '/etc/guardian/fleet.key')
    await guardian(host, 'keygen', '--out', '/etc/guardian/psk')
    await guardian(host, 'install', 'agent')
    await guardian(io, 'install', 'coordinator')
    t.equal(await io.show('io-guardian-coordinator.service', 'ActiveState'), 'active')
    t.equal(await host.show('io-guardian.service', 'ActiveState'), 'active')
    t.strictSame([...(await io.states(gates)).values()], ['active', 'active'])
    await guardian(host, 'uninstall', 'agent', '--purge')
    await guardian(io, 'uninstall', 'coordinator', '--purge')
    t.equal(await runOf(host, 'web.service'), running, 'the dependent runs on')
    await Promise.all(both.map((each) => each.run('rm', '-r', '/opt/guardian')))
    t.strictSame(await Promise.all(both.map(traces)), clean)
    t.strictSame([...(await io.states(databases)).values()], ['active', 'active'])
  })
})
