import { execFileSync, spawn } from 'node:child_process'
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import t from 'tap'
import type { JobOrder } from '../../protocol/rebuild.ts'
import { job, newSystem, oldSystem, openRig, type Rig, systemPath } from './rig.ts'

// What a thief of the agent could order. Whatever it is, nothing of it may run as root.

const done = { code: 0, err: '' }
const evil = systemPath('3')
const flake = 'git+ssh://git@forge.example.org/infra?ref=main'
const revision = 'a'.repeat(40)
const orderFile = `/var/lib/io-guardian/jobs/${job}.json`

async function untouched(rig: Rig): Promise<boolean> {
  return (await rig.log()).every((line) => !/^(test|boot|dry-activate|systemd-run)/.test(line))
}

const refused: readonly [
  name: string,
  prepare: (rig: Rig) => Promise<unknown>,
  order: Partial<JobOrder>,
  says: RegExp,
][] = [
  [
    'a path that is not in the store',
    async () => {},
    { source: { mode: 'closure', system: evil } },
    /no substituter|not in the store/,
  ],
  [
    'a path of the store that is no system',
    async (rig) => {
      await mkdir(rig.at(`${evil}/bin`), { recursive: true })
    },
    { source: { mode: 'closure', system: evil } },
    /is no NixOS system/,
  ],
  [
    'a system that cannot be switched to',
    async (rig) => {
      await rig.addSystem(evil)
      await chmod(rig.at(`${evil}/bin/switch-to-configuration`), 0o644)
    },
    { source: { mode: 'closure', system: evil } },
    /is no NixOS system/,
  ],
  [
    'the system of another host',
    (rig) => rig.addSystem(evil, { 'etc/hostname': 'web2\n' }),
    { source: { mode: 'closure', system: evil } },
    /a system of web2, not of web1/,
  ],
  [
    'a path of the store that leads out of it',
    async (rig) => {
      await rig.addSystem('/tmp/evil')
      await symlink('/tmp/evil', rig.at(evil))
    },
    { source: { mode: 'closure', system: evil } },
    /no substituter|not in the store/,
  ],
  ['a system that nobody has signed', (rig) => rig.configure({ closure: 'signed' }), {}, /no signature/],
  [
    'a system that a user has added, which Nix takes for signed',
    async (rig) => {
      await rig.configure({ closure: 'signed' })
      await writeFile(rig.at('/signed'), `${newSystem}\n`)
      await writeFile(rig.at('/ca'), '"fixed:r:sha256:1"')
    },
    {},
    /no signature/,
  ],
  ['a given system where none is taken', (rig) => rig.configure({ closure: 'never' }), {}, /takes no given systems/],
  [
    'a flake that is not allowed',
    async () => {},
    { source: { mode: 'flake', flake, revision } },
    /does not allow the flake/,
  ],
  [
    'a revision that is not allowed',
    (rig) => rig.configure({ flakes: [flake], revisions: '^b+$' }),
    { source: { mode: 'flake', flake, revision } },
    /does not allow revision/,
  ],
  [
    'a flake that cannot be built',
    (rig) => rig.configure({ flakes: [flake] }),
    { source: { mode: 'flake', flake, revision } },
    /attribute missing/,
  ],
  [
    'a flake that builds something else',
    async (rig) => {
      await rig.configure({ flakes: [flake] })
      await writeFile(rig.at('/built'), '/tmp/evil')
    },
    { source: { mode: 'flake', flake, revision } },
    /no path of the store/,
  ],
]
for (const [name, prepare, more, says] of refused) {
  t.test(`blocked: ${name}`, async (t) => {
    const rig = await openRig(t)
    await prepare(rig)
    await rig.give(more)
    t.strictSame(await rig.helper(`prefetch-${job}`), done)
    t.match((await rig.memory.results(job)).prefetch?.blockers, [says])
    t.ok(await untouched(rig))
    t.strictSame(await rig.helper(`activate-${job}`), done)
    t.ok(await untouched(rig), 'and it is not activated either')
  })
}

t.test('what is signed, and what is built, is taken', async (t) => {
  const signed = await openRig(t, { closure: 'signed' })
  await writeFile(signed.at('/signed'), `${newSystem}\n`)
  t.strictSame(await signed.helper(`prefetch-${job}`), done)
  t.match((await signed.memory.results(job)).prefetch, { blockers: [], system: newSystem })
  const built = await openRig(t, { flakes: [flake] })
  await writeFile(built.at('/built'), newSystem)
  await built.give({ source: { mode: 'flake', flake, revision } })
  t.strictSame(await built.helper(`prefetch-${job}`), done)
  t.match((await built.memory.results(job)).prefetch, { blockers: [], system: newSystem })
  t.match(
    (await built.log()).join('\n'),
    `${flake}&rev=${revision}#nixosConfigurations."web1".config.system.build.toplevel`,
  )
})

const noOrders: readonly [name: string, put: (rig: Rig) => Promise<unknown>][] = [
  ['a link to a file of root’s', (rig) => symlink(rig.at('/etc/guardian/rebuild.json'), rig.at(orderFile))],
  [
    'a link to an order',
    async (rig) => {
      await rename(rig.at('/kept'), rig.at('/etc/order'))
      await symlink(rig.at('/etc/order'), rig.at(orderFile))
    },
  ],
  ['a pipe that nobody writes', async (rig) => void execFileSync('mkfifo', [rig.at(orderFile)])],
  ['a directory', (rig) => mkdir(rig.at(orderFile))],
  ['a device', async (rig) => void execFileSync('mknod', [rig.at(orderFile), 'c', '1', '5'])],
  ['no JSON', (rig) => writeFile(rig.at(orderFile), '{')],
  ['more than an order ever is', (rig) => writeFile(rig.at(orderFile), `{"x":"${'x'.repeat(300_000)}"}`)],
  [
    'the order of another job',
    async (rig) => {
      await rig.give({ job: 'f'.repeat(32) })
    },
  ],
  [
    'a path outside the store',
    async (rig) => {
      await rig.give({ source: { mode: 'closure', system: '/tmp/evil' } })
    },
  ],
  [
    'a path that climbs out of the store',
    async (rig) => {
      await rig.give({ source: { mode: 'closure', system: `${newSystem}/../../../tmp/evil` } })
    },
  ],
  [
    'a flake with a command in it',
    async (rig) => {
      await rig.give({ source: { mode: 'flake', flake: 'x; reboot', revision } })
    },
  ],
]
for (const [name, put] of noOrders) {
  t.test(`no order: ${name}`, async (t) => {
    const rig = await openRig(t)
    await rename(rig.at(orderFile), rig.at('/kept'))
    await put(rig)
    const { code, err } = await rig.helper(`prefetch-${job}`)
    t.equal(code, 2)
    t.match(err, /order/)
    t.notMatch(err, 'closure', 'nothing of a file is told')
    t.equal((await rig.memory.results(job)).prefetch, null)
    t.ok(await untouched(rig))
  })
}

t.test('an order that changes after it was checked changes nothing', async (t) => {
  const rig = await openRig(t)
  t.strictSame(await rig.helper(`prefetch-${job}`), done)
  await rig.addSystem(evil)
  await rig.give({ source: { mode: 'closure', system: evil } })
  t.strictSame(await rig.helper(`activate-${job}`), done)
  await rig.switched()
  t.equal(await rig.runs(), newSystem)
})

t.test('a configuration that others may write is none', async (t) => {
  const rig = await openRig(t)
  await chmod(rig.at('/etc/guardian/rebuild.json'), 0o666)
  t.match(await rig.helper(`prefetch-${job}`), { code: 2, err: /writable by it alone/ })
})

const inTheWay: readonly [name: string, prepare: (rig: Rig) => Promise<unknown>, says: RegExp][] = [
  [
    'another system than was committed',
    (rig) => rig.memory.setCommitted(newSystem),
    /^drifted: .* which was committed here/,
  ],
  [
    'a profile that is another',
    async (rig) => {
      await symlink(newSystem, rig.at('/nix/var/nix/profiles/system-2-link'))
      await rm(rig.at('/nix/var/nix/profiles/system'))
      await symlink('system-2-link', rig.at('/nix/var/nix/profiles/system'))
    },
    /^drifted: .* would be booted/,
  ],
  ['no room', (rig) => rig.configure({ freeMiB: { nix: 1_000_000, boot: 0 } }), /MiB free, and not 1000000/],
  ['no NixOS', (rig) => rm(rig.at('/run/current-system')), /does not run NixOS/],
]
for (const [name, prepare, says] of inTheWay) {
  t.test(`in the way: ${name}`, async (t) => {
    const rig = await openRig(t)
    await prepare(rig)
    t.strictSame(await rig.helper(`prefetch-${job}`), done)
    t.match((await rig.memory.results(job)).prefetch?.blockers, [says])
  })
}

t.test('what nobody knows is replaced where that is said', async (t) => {
  const rig = await openRig(t)
  await rig.memory.setCommitted(newSystem)
  await rig.give({ adopt: true })
  t.strictSame(await rig.helper(`prefetch-${job}`), done)
  t.match((await rig.memory.results(job)).prefetch, { adopt: true, blockers: [], previous: oldSystem })
})

t.test('another switch is never waited for: it is named', async (t) => {
  const rig = await openRig(t)
  t.strictSame(await rig.helper(`prefetch-${job}`), done)
  const path = rig.at('/run/nixos/switch-to-configuration.lock')
  await mkdir(dirname(path), { recursive: true })
  const holder = spawn('flock', [path, 'sh', '-c', 'echo has it; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  t.strictSame(await rig.helper(`activate-${job}`), done)
  t.match((await rig.memory.results(job)).exit, {
    ok: false,
    exit: -1,
    reason: /^another switch runs: (flock|sleep|sh) \(process \d+\)/,
  })
  t.ok((await rig.log()).every((line) => !line.startsWith('systemd-run')))
  execFileSync('sh', ['-c', `kill $(cat /proc/${holder.pid}/task/${holder.pid}/children) ${holder.pid}`])
})
