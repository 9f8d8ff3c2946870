import { execFile } from 'node:child_process'
import { copyFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { installGuardian } from '../hosts/program.ts'
import { until } from '../hosts/until.ts'
import type { Host } from './host.ts'
import { hostKey, installCoordinator, startDatabases } from './io.ts'
import { noLab, openLab } from './lab.ts'
import { nodeLayer } from './layer.ts'
import { traces } from './traces.ts'

const exec = promisify(execFile)
const tree = resolve(import.meta.dirname, '../..')
const packed = 'root/guardian.tgz'

/** What npm packs, on a host's disk. */
async function give(host: Host, directory: string): Promise<void> {
  // Only to have the bundles built where they are not.
  await installGuardian(join(directory, 'built'))
  const { stdout } = await exec('npm', ['pack', tree, '--ignore-scripts', '--silent', '--pack-destination', directory])
  await copyFile(join(directory, stdout.trim()), join(host.root, packed))
}

/** No host of a lab reaches a registry: its own npm fetches what it will need while it is off, and compiles nothing. */
async function fetchPackages({ root }: Host): Promise<void> {
  const lent = { 'etc/resolv.conf': '/etc/resolv.conf', 'root/ca.crt': '/etc/ssl/certs/ca-certificates.crt' }
  for (const [path, from] of Object.entries(lent)) await copyFile(from, join(root, path))
  const where = ['--prefix=/root/fetched', '--cache=/root/.npm', '--cafile=/root/ca.crt', '--ignore-scripts']
  await exec('chroot', [
    root,
    'env',
    '-i',
    'HOME=/root',
    'PATH=/usr/bin:/bin',
    'npm',
    'install',
    '-g',
    ...where,
    ...quiet,
    `/${packed}`,
  ])
  for (const path of [...Object.keys(lent), 'root/fetched']) await rm(join(root, path), { recursive: true })
}

const quiet = ['--no-audit', '--no-fund', '--no-update-notifier']
const web = '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n'

t.setTimeout(1_800_000)
t.test('what npm packs, on a Debian 13 with its own Node.js', { skip: noLab, bail: true }, async (t) => {
  await using lab = await openLab()
  const io = await lab.addHost('io', 'trixie', [await nodeLayer()])
  await give(io, lab.directory)
  await fetchPackages(io)
  await io.boot()
  await startDatabases(io)
  await writeFile(join(io.root, 'etc/systemd/system/web.service'), web)
  await io.systemctl('daemon-reload')
  await io.systemctl('enable', '--now', 'web.service')
  const state = (unit: string) => io.show(unit, 'ActiveState')
  const runs = () => until('the dependent runs', async () => (await state('web.service')) === 'active')
  const run = () => io.show('web.service', 'InvocationID')
  const [clean, before] = [await traces(io), await run()]

  await t.test('is installed and compiled, and starts nothing', async (t) => {
    await io.run('npm', 'install', '-g', '--offline', ...quiet, `/${packed}`)
    t.match(await io.run('guardian', '--version'), /^guardian \d/)
    const nobody = await io.tried(
      'setpriv',
      '--reuid=nobody',
      '--clear-groups',
      'guardian',
      'install',
      'agent',
      '--dry-run',
    )
    t.match(nobody, { code: 0, stdout: /would write .*\nnext: run it as root to be sure: .* may not be looked at\n$/s })
  })

  await t.test('makes the host one of a fleet beside what runs', async (t) => {
    await installCoordinator(io, {
      hosts: { io: { address: io.address } },
      resources: {
        postgresql: { probe: { type: 'postgres', host: '127.0.0.1' }, gate: 'local' },
        redis: { probe: { type: 'redis', host: '127.0.0.1' }, gate: 'local' },
      },
    })
    await writeFile(join(io.root, 'etc/guardian/psk'), await hostKey(io, 'io'), { mode: 0o600 })
    const resources = { redis: { type: 'redis', host: '127.0.0.1' } }
    await writeFile(join(io.root, 'etc/guardian/agent.json'), JSON.stringify({ host: 'io', resources }))
    t.match(
      await io.run('guardian', 'install', 'agent', '--dependent', 'web'),
      'ran systemctl start io-guardian.service',
    )
    await until('the host is open', async () => (await io.run('guardian', 'ctl', 'status')).includes('1 host: 1 open'))
    t.equal(await io.run('guardian', 'install', 'agent'), 'nothing to change\n')
    t.equal(await io.run('guardian', 'install', 'coordinator'), 'nothing to change\n')
    t.equal(await run(), before, 'the dependent runs on')
    t.equal(await io.show('io-guardian.service', 'Type'), 'notify', 'with its native modules')
    t.match(await io.tried('guardian', 'doctor'), { code: 0 })
  })

  await t.test('drains by hand and before a database stops, and opens', async (t) => {
    await io.run('guardian', 'ctl', 'drain', '--host', 'io', '-m', 'new disk')
    t.equal(await state('web.service'), 'inactive')
    await io.run('guardian', 'ctl', 'undrain', '--host', 'io')
    await runs()
    await io.systemctl('stop', 'redis-server.service')
    t.equal(await state('web.service'), 'inactive')
    await io.systemctl('start', 'redis-server.service')
    await runs()
  })

  await t.test('leaves nothing behind', async (t) => {
    const before = await run()
    await io.run('guardian', 'uninstall', 'agent', '--purge')
    await io.run('guardian', 'uninstall', 'coordinator', '--purge')
    await io.run('npm', 'uninstall', '-g', 'guardian')
    t.equal(await run(), before, 'the dependent runs on')
    t.equal(await traces(io), clean)
    t.equal((await io.run('systemctl', 'list-units', '--all', '--no-legend', 'io-*', 'wait-for-*')).trim(), '')
  })
})
