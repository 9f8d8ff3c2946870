import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import * as v from 'valibot'
import { sweep } from '../hosts/booted.ts'
import { cgroupDirectory, processesIn } from '../hosts/cgroup.ts'
import type { Suite } from './base.ts'
import { noLab, openLab } from './lab.ts'
import { until } from './until.ts'

const versions: Readonly<Record<Suite, string>> = { bookworm: 'systemd 252', trixie: 'systemd 257' }

t.setTimeout(900_000)
t.test('hosts that are real', { skip: noLab }, async (t) => {
  await using lab = await openLab()
  const [one, two] = await Promise.all([lab.addHost('one', 'bookworm'), lab.addHost('two', 'trixie')])
  await Promise.all([one.boot(), two.boot()])

  await t.test('each has its own systemd and its own address, reaches the others, and nobody else', async (t) => {
    for (const host of [one, two]) {
      t.match(await host.run('systemctl', '--version'), versions[host.suite])
      await until(`${host.name} runs`, async () => (await host.tried('systemctl', 'is-system-running')).code === 0)
      t.match(await host.run('ip', 'route'), /^198\.18\.0\.0\/15 dev eth0 .*\n$/, 'there is no way out')
    }
    t.equal((await one.tried('ping', '-c', '1', '-W', '5', two.address)).code, 0)
    t.not((await one.tried('ping', '-c', '1', '-W', '1', '192.0.2.1')).code, 0)
  })

  await t.test('who enters one has no right to set the clock of this machine', async (t) => {
    const rights = await one.run('sh', '-c', 'sed -n "s/^CapBnd:\\s*//p" /proc/self/status')
    t.equal((BigInt(`0x${rights.trim()}`) >> 25n) & 1n, 0n, 'CAP_SYS_TIME')
  })

  await t.test('a link is cut in one direction, loses packets, and heals', async (t) => {
    const hears = async () => (await one.tried('ping', '-c', '1', '-W', '1', two.address)).code === 0
    await lab.network.lose('two', 'one')
    t.notOk(await hears(), 'the answer is lost')
    await lab.network.heal()
    t.ok(await hears())
    await lab.network.lose('one', 'two', 50)
    const [, received = ''] =
      /(\d+) received/.exec((await one.tried('ping', '-c', '60', '-i', '0.01', two.address)).stdout) ?? []
    t.ok(Number(received) > 5 && Number(received) < 55, `${received} of 60 arrived`)
    await lab.network.heal()
  })

  await t.test(
    'one that shuts down ends its units in order, and its journal says so on the clock of all',
    async (t) => {
      const before = Date.now() * 1_000
      await one.reboot()
      const journal = await one.journal(before)
      t.ok(journal.some(({ text }) => /Reached target.*(Reboot|System Shutdown)/i.test(text)))
      t.ok(journal.every(({ at }) => at >= before && at <= Date.now() * 1_000))
    },
  )

  await t.test('one whose power is cut says goodbye to nobody, and boots with its disk', async (t) => {
    await two.run('sh', '-c', 'echo kept >/var/lib/kept')
    const cgroup = two.cgroup()
    await two.cutPower()
    t.notOk(existsSync(cgroupDirectory(cgroup)))
    t.equal(await readFile(`${two.root}/var/lib/kept`, 'utf8'), 'kept\n')
    await two.boot()
    t.equal(await two.run('cat', '/var/lib/kept'), 'kept\n')
    t.ok((await processesIn(two.cgroup())).length > 3)
  })

  const { directory } = lab
  await lab.close()
  t.notOk(existsSync(directory))
})

t.test('what a killed lab leaves is swept by whoever comes next', { skip: noLab }, async (t) => {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('lab-child.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface(child.stdout), 'line')
  const { directory, cgroup } = v.parse(
    v.pipe(v.string(), v.parseJson(), v.object({ directory: v.string(), cgroup: v.string() })),
    line,
  )
  child.kill('SIGKILL')
  await once(child, 'exit')
  await sweep()
  t.notOk(existsSync(directory))
  t.notOk(existsSync(cgroupDirectory(cgroup)))
  t.strictSame(
    (await readdir('/run/netns')).filter((name) => name.startsWith(basename(directory))),
    [],
  )
})
