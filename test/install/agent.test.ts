import { mkdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { install } from '../../install/install.ts'
import { openShipped } from '../../install/shipped.ts'
import { uninstall } from '../../install/uninstall.ts'
import { quoted } from '../../install/unit-text.ts'
import { run } from '../hosts/manager.ts'
import { asked, fakeWorld, layOut, treeOf, webHost } from './machine.ts'

const units = '/etc/systemd/system'

t.test('lays out all of a host, says what is next, and has nothing to change the second time', async (t) => {
  const root = t.testdir()
  const world = fakeWorld()
  await install(asked('agent', root), world)
  const tree = await treeOf(root)
  t.strictSame(Object.keys(tree), [
    '/etc/guardian/agent.json',
    '/etc/guardian/agent.json.example',
    '/etc/polkit-1/rules.d/50-io-guardian.rules',
    `${units}/io-databases.target`,
    `${units}/io-guardian.service`,
    `${units}/multi-user.target.wants/io-databases.target`,
    `${units}/multi-user.target.wants/io-guardian.service`,
    `${units}/wait-for-io-databases.service`,
    '/etc/sysusers.d/io-guardian.conf',
  ])
  t.equal(
    await readlink(join(root, units, 'multi-user.target.wants/io-guardian.service')),
    `${units}/io-guardian.service`,
  )
  t.match(world.said.join('\n'), /^wrote .*\n(?:.*\n)*next: put the key of this host into .*guardian keygen --host /)
  t.match(world.said.join('\n'), /next: name what depends on io-databases: .* --dependent web.service/)
  t.strictSame(world.ran, [], 'nothing is run on files that are laid out')

  await writeFile(join(root, 'etc/guardian/agent.json'), '{ "host": "web9" }')
  const again = fakeWorld()
  await install(asked('agent', root), again)
  t.equal(again.said[0], 'nothing to change')
  t.match(again.said.join('\n'), '--host web9')
  t.match(again.said.join('\n'), 'next: name the resources of this host in /etc/guardian/agent.json; ')
  t.equal((await treeOf(root))['/etc/guardian/agent.json'], '{ "host": "web9" }')
})

t.test('the helper of rebuilds comes when it is asked for, and is kept up from then on', async (t) => {
  const root = t.testdir()
  const world = fakeWorld()
  await install(asked('agent', root, { rebuild: true }), world)
  const tree = await treeOf(root)
  const helper = [
    '/etc/guardian/rebuild.json.example',
    `${units}/io-guardian-rebuild-resume.service`,
    `${units}/io-guardian-rebuild@.service`,
    `${units}/io-guardian.service.d/io-guardian.conf`,
    `${units}/multi-user.target.wants/io-guardian-rebuild-resume.service`,
  ]
  t.strictSame(
    helper.filter((path) => !(path in tree)),
    [],
  )
  t.match(tree[`${units}/io-guardian.service.d/io-guardian.conf`], 'SupplementaryGroups=systemd-journal\n')
  t.notOk('/etc/guardian/rebuild.json' in tree, 'what a rebuild may be is for a person to say')
  t.match(world.said.join('\n'), /next: say in \/etc\/guardian\/rebuild.json/)
  t.match(world.said.join('\n'), /next: let the agent take rebuilds/)
  await writeFile(
    join(root, `${units}/io-guardian-rebuild@.service`),
    '# Written by "guardian install agent", of old\n',
  )
  await writeFile(join(root, 'etc/guardian/rebuild.json'), '{}')
  await writeFile(join(root, 'etc/guardian/agent.json'), '{ "rebuild": {} }')
  const again = fakeWorld()
  await install(asked('agent', root), again)
  t.match(again.said[0], 'io-guardian-rebuild@.service')
  t.notMatch(again.said.join('\n'), 'rebuilds')
  const gone = fakeWorld()
  await uninstall({ role: 'agent', purge: true, keepState: false, dryRun: false, prefix: root }, gone)
  t.strictSame(Object.keys(await treeOf(root)), [])
})

t.test('whoever has done all that was next is told nothing more', async (t) => {
  const root = t.testdir()
  const config = { host: 'web1', resources: { redis: { type: 'redis' } } }
  await layOut(root, {
    ...webHost,
    '/etc/guardian/agent.json': JSON.stringify(config),
    '/etc/guardian/psk': '',
    '/usr/lib/polkit-1/polkitd': '',
  })
  const world = fakeWorld()
  await install(asked('agent', root, { dependents: ['web'] }), world)
  t.strictSame(
    world.said.filter((line) => line.startsWith('next')),
    [],
  )
})

t.test('dependents are guarded with their timers and sockets, which are what the target starts', async (t) => {
  const root = t.testdir()
  await layOut(root, webHost)
  const dependents = ['web', 'report.service', 'chat@room.service']
  await install(asked('agent', root, { dependents }), fakeWorld())
  const tree = await treeOf(root)
  const guard =
    '[Unit]\nRequires=io-databases.target\nAfter=io-databases.target\nAssertPathExists=!/var/lib/io-guardian/drained/io-databases\n'
  const wanted = ['web.service', 'report.timer', 'chat@room.socket']
  for (const unit of [...wanted, 'report.service', 'chat@room.service']) {
    const text = tree[`${units}/${unit}.d/io-guardian.conf`]
    t.match(text, guard, unit)
    t.equal(text?.includes('[Install]\nWantedBy=io-databases.target\n'), wanted.includes(unit), unit)
    t.equal(`${units}/io-databases.target.wants/${unit}` in tree, wanted.includes(unit), unit)
  }
  const link = join(root, units, 'io-databases.target.wants/chat@room.socket')
  t.equal(await readlink(link), '/lib/systemd/system/chat@.socket')
  const again = fakeWorld()
  await install(asked('agent', root, { dependents }), again)
  t.equal(again.said[0], 'nothing to change')
  await install(asked('agent', root), again)
  t.strictSame(await treeOf(root), tree, 'those that are not named again stay')
})

t.test('a guarded socket closes no circle in systemd’s orders at boot', async (t) => {
  const root = t.testdir()
  await layOut(root, webHost)
  await install(asked('agent', root, { dependents: ['chat@room.service'] }), fakeWorld())
  const places = [units, '/lib/systemd/system'].map((place) => join(root, place))
  const environment = { PATH: process.env.PATH ?? '', SYSTEMD_UNIT_PATH: `${places.join(':')}:`, LANG: 'C.UTF-8' }
  const { stderr } = await run('systemd-analyze', ['verify', '--man=no', 'multi-user.target'], environment)
  t.strictSame(
    stderr.split('\n').filter((line) => /ordering cycle|dependency on/.test(line)),
    [],
  )
})

t.test('a service that is enabled beside its socket is started by the target, too', async (t) => {
  const root = t.testdir()
  await layOut(root, webHost)
  await mkdir(join(root, units, 'multi-user.target.wants'), { recursive: true })
  await symlink('/lib/systemd/system/report.service', join(root, units, 'multi-user.target.wants/report.service'))
  await install(asked('agent', root, { dependents: ['report'] }), fakeWorld())
  t.ok(`${units}/io-databases.target.wants/report.service` in (await treeOf(root)))
})

t.test('targets of the configuration have units of their own, and the agent may stop them', async (t) => {
  const root = t.testdir()
  const config = {
    host: 'web1',
    targets: { 'io-databases': {}, storage: { unit: 'io-storage.target', dependents: ['loose.service'] } },
  }
  await layOut(root, { ...webHost, '/etc/guardian/agent.json': JSON.stringify(config) })
  await install(asked('agent', root, { dependents: ['web'], target: 'storage' }), fakeWorld())
  const tree = await treeOf(root)
  t.match(tree[`${units}/io-storage.target`], 'AssertPathExists=!/var/lib/io-guardian/drained/storage\n')
  t.match(tree[`${units}/wait-for-io-storage.service`], '--target storage\n')
  t.match(tree[`${units}/web.service.d/io-guardian.conf`], 'Requires=io-storage.target\n')
  t.match(
    tree['/etc/polkit-1/rules.d/50-io-guardian.rules'],
    '= ["io-databases.target", "io-storage.target", "loose.service"];',
  )
})

t.test('a target that agent.json has no more is named, and stays with what hangs on it', async (t) => {
  const root = t.testdir()
  await layOut(root, { ...webHost, '/etc/guardian/agent.json': '{ "targets": { "storage": {} } }' })
  await install(asked('agent', root, { dependents: ['web'] }), fakeWorld())
  const before = Object.keys(await treeOf(root))
  await layOut(root, { '/etc/guardian/agent.json': '{ "targets": { "files": {} } }' })
  const world = fakeWorld()
  await install(asked('agent', root), world)
  t.match(world.said.join('\n'), 'next: agent.json has no target of storage.target any more')
  const after = await treeOf(root)
  t.ok(before.every((path) => path in after))
  await uninstall({ role: 'agent', purge: false, keepState: true, dryRun: false, prefix: root }, fakeWorld())
  t.notMatch(Object.keys(await treeOf(root)).join('\n'), /storage|files/)
})

t.test('what a package brings is not written again, only started at boot', async (t) => {
  const root = t.testdir()
  const shipped = openShipped()
  await layOut(root, {
    '/usr/lib/systemd/system/io-guardian.service': shipped('io-guardian.service'),
    '/usr/lib/systemd/system/io-databases.target': shipped('io-databases.target'),
    '/usr/lib/systemd/system/wait-for-io-databases.service': shipped('wait-for-io-databases.service'),
    '/usr/lib/sysusers.d/io-guardian.conf': shipped('io-guardian.sysusers.conf'),
    '/usr/share/polkit-1/rules.d/50-io-guardian.rules': shipped('io-guardian.rules'),
  })
  await install(asked('agent', root), fakeWorld())
  const made = Object.keys(await treeOf(root)).filter((path) => path.startsWith('/etc'))
  t.strictSame(made, [
    '/etc/guardian/agent.json',
    '/etc/guardian/agent.json.example',
    `${units}/multi-user.target.wants/io-databases.target`,
    `${units}/multi-user.target.wants/io-guardian.service`,
  ])
  const link = join(root, units, 'multi-user.target.wants/io-guardian.service')
  t.equal(await readlink(link), '/usr/lib/systemd/system/io-guardian.service')
})

t.test('what was written before a package came goes, and what starts it leads to the package', async (t) => {
  const root = t.testdir()
  await install(asked('agent', root), fakeWorld({ program: '/usr/bin/node /opt/guardian.js' }))
  const shipped = openShipped()
  const service = '/usr/lib/systemd/system/io-guardian.service'
  await layOut(root, { [service]: shipped('io-guardian.service') })
  const world = fakeWorld()
  await install(asked('agent', root), world)
  t.ok(world.said.includes(`removed ${units}/io-guardian.service`))
  t.notOk(`${units}/io-guardian.service` in (await treeOf(root)))
  t.equal(await readlink(join(root, units, 'multi-user.target.wants/io-guardian.service')), service)
  const again = fakeWorld()
  await install(asked('agent', root), again)
  t.equal(again.said[0], 'nothing to change')
})

t.test('a unit says what there is: no native module, no credential', async (t) => {
  const root = t.testdir()
  await layOut(root, { '/etc/guardian/agent.json': '{ "pskFile": "/srv/psk" }' })
  await install(asked('agent', root), fakeWorld({ notifies: false, program: '/opt/node /opt/guardian.js' }))
  const unit = (await treeOf(root))[`${units}/io-guardian.service`]
  t.match(unit, 'Type=exec\nExecStart=/opt/node /opt/guardian.js agent --config ')
  t.notMatch(unit, /WatchdogSec|LoadCredential/)
})

const refusals: readonly [what: string, config: object, options: Parameters<typeof asked>[2], text: RegExp][] = [
  ['a unit that is not there', {}, { dependents: ['wbe'] }, /there is no unit wbe\.service on this machine/],
  [
    'a unit of its own',
    {},
    { dependents: ['io-databases.target'] },
    /io-databases\.target is a unit of guardian itself/,
  ],
  ['no name at all', {}, { dependents: ['a b'] }, /"a b" is no name of a unit/],
  ['an unknown target', {}, { dependents: ['web'], target: 'x' }, /no target is named x; there is io-databases/],
  [
    'no target where there are two',
    { targets: { a: {}, b: {} } },
    { dependents: ['web'] },
    /say --target, one of a, b/,
  ],
  ['directories that the units do not know', { stateDir: '/srv' }, {}, /stateDir: leave it out/],
  ['a target that is a service', { targets: { a: { unit: 'a.service' } } }, {}, /targets\.a\.unit: .*"a\.target"/],
  ['a target of the system', { targets: { a: { unit: 'graphical.target' } } }, {}, /graphical\.target is in the way/],
  ['a configuration that is wrong', { hots: 1 }, {}, /did you mean "host"/],
]
for (const [what, config, options, text] of refusals) {
  t.test(`refuses ${what}`, async (t) => {
    const root = t.testdir()
    const laid = {
      ...webHost,
      '/etc/guardian/agent.json': JSON.stringify(config),
      '/lib/systemd/system/graphical.target': '',
    }
    await layOut(root, { ...laid, '/usr/lib/systemd/system/graphical.target': '[Unit]\n' })
    const before = await treeOf(root)
    await t.rejects(install(asked('agent', root, options), fakeWorld()), { name: 'GuardianError', message: text })
    t.strictSame(await treeOf(root), before)
  })
}

t.test('a unit that somebody wrote by hand is not written over', async (t) => {
  const root = t.testdir()
  await layOut(root, { [`${units}/io-guardian.service`]: '[Service]\nExecStart=/mine\n' })
  await t.rejects(install(asked('agent', root), fakeWorld()), { message: /io-guardian\.service is in the way/ })
})

t.test('a path with a blank or a percent sign in it is one word of the unit', async (t) => {
  t.equal(quoted('/opt/node-v22.1+x/bin/node'), '/opt/node-v22.1+x/bin/node')
  t.equal(quoted('/srv/my apps/100%/guardian.js'), '"/srv/my apps/100%%/guardian.js"')
  t.equal(quoted('/srv/"so called"/x'), '"/srv/\\"so called\\"/x"')
})

t.test('refuses to change a machine without being root, and a program that no unit can see', async (t) => {
  await t.rejects(install(asked('agent', ''), fakeWorld({ isRoot: false })), { code: 'forbidden' })
  const hidden = fakeWorld({ program: '/usr/bin/node /root/.nvm/guardian.js' })
  await t.rejects(install(asked('agent', '', { dryRun: true }), hidden), { message: /units do not see .*\/root\/.nvm/ })
})
