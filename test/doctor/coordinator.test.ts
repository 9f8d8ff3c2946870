import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { generateKey } from '../../protocol/keys.ts'
import type { Manager } from '../hosts/manager.ts'
import { until } from '../hosts/until.ts'
import { type IoRig, openIoRig } from './io-rig.ts'
import { mend } from './mend.ts'

const gate = 'io-guardian-gate@postgresql.service'
// No host of a test has the operators' group, no fake agent is of this build, and no database has a role for a probe.
const always = ['socket-group', 'host-build-apart', 'host-build-apart', 'probe-without-user']

interface Row {
  readonly name: string
  readonly fault: (io: Manager, paths: IoRig['paths']) => Promise<void>
  readonly found: string
  readonly says: RegExp
}

const rows: readonly Row[] = [
  {
    name: 'a gate whose time systemd cuts short',
    fault: (io) => dropIn(io, gate, '[Service]\nTimeoutStopSec=10s\n'),
    found: 'gate-limit-short',
    says: /systemd kills io-guardian-gate@postgresql\.service after 10s, but its drain may take 1min30s/,
  },
  {
    name: 'a gate that drains by ExecStop=',
    fault: (io) => dropIn(io, gate, '[Service]\nExecStopPost=\nExecStop=/bin/true gate down postgresql\n'),
    found: 'gate-without-stop-post',
    says: /drains by ExecStop=, which is left out/,
  },
  {
    name: 'a gate that nothing starts with its database',
    async fault(io) {
      await rm(join(io.unitDir, `postgresql.service.wants/${gate}`))
      await io.daemonReload()
    },
    found: 'gate-half-bound',
    says: /is bound to postgresql\.service but lacks WantedBy=postgresql\.service/,
  },
  {
    name: 'an active database whose gate has no file',
    fault: (_io, { gateDir }) => rm(join(gateDir, 'postgresql')),
    found: 'gate-down',
    says: /postgresql\.service is active, but the gate of postgresql is down: .* does not exist/,
  },
]

async function dropIn(io: Manager, unit: string, text: string): Promise<void> {
  await mkdir(join(io.unitDir, `${unit}.d`), { recursive: true })
  await writeFile(join(io.unitDir, `${unit}.d/a-fault.conf`), text)
  await io.daemonReload()
}

t.test('gates: each fault is named, and mended by what is printed', async (t) => {
  await using rig = await openIoRig()
  const { io } = rig
  t.strictSame(await others(rig), [])
  for (const { name, fault, found, says } of rows) {
    await t.test(name, async (t) => {
      await fault(io, rig.paths)
      const findings = await others(rig)
      t.strictSame(
        findings.map(({ rule, severity }) => [rule, severity]),
        [[found, 'error']],
      )
      t.match(findings[0]?.found, says)
      for (const finding of findings) await mend(io, finding)
      t.strictSame(await others(rig), [])
    })
  }
})

t.test('a gate on Debian’s umbrella is refused, and the cluster is named', async (t) => {
  await using rig = await openIoRig()
  const { io } = rig
  await io.systemctl('stop', 'postgresql.service')
  await io.writeUnit('postgresql.service', '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n')
  await io.writeUnit(
    'postgresql@.service',
    '[Unit]\nPartOf=postgresql.service\n[Service]\nExecStart=/bin/sleep infinity\n',
  )
  await io.daemonReload()
  await io.systemctl('start', 'postgresql@15-main.service', 'postgresql.service')
  const [finding, ...more] = await others(rig)
  t.match(finding, {
    severity: 'error',
    rule: 'gate-on-umbrella',
    found: /is bound to postgresql\.service, which holds no data: it stays active when the database stops/,
    wanted: /BindsTo=, After= and WantedBy= postgresql@15-main\.service/,
  })
  t.strictSame(more, [])
  if (finding !== undefined) await mend(io, finding)
  t.strictSame(await others(rig), [])
  await io.systemctl('stop', 'postgresql@15-main.service')
  t.equal(await io.show(gate, 'ActiveState'), 'inactive', 'and now it goes down with the cluster')
})

t.test('without its coordinator the hosts are asked from here', async (t) => {
  await using rig = await openIoRig()
  const { io, paths, agents } = rig
  await chmod(paths.key, 0o644)
  t.strictSame(
    (await others(rig)).map(({ rule }) => rule),
    ['secret-open'],
  )
  await chmod(paths.key, 0o600)
  await io.systemctl('stop', 'io-guardian-coordinator.service')
  t.strictSame(
    (await others(rig)).map(({ rule }) => rule),
    ['daemon-not-running'],
  )
  await writeFile(paths.key, `${generateKey()}\n`)
  t.strictSame(
    (await others(rig)).map(({ rule }) => rule),
    ['daemon-not-running', 'host-refuses', 'host-refuses'],
  )
  await agents[Symbol.asyncDispose]()
  t.strictSame(
    (await others(rig)).map(({ rule }) => rule),
    ['daemon-not-running', 'host-unreachable', 'host-unreachable'],
  )
})

async function others({ findings, io }: IoRig) {
  // What a start or a restart is about to change is not what is looked for.
  await until('nothing is on its way', async () => (await io.systemctl('list-jobs')).includes('No jobs'))
  return (await findings()).filter(({ rule }) => !always.includes(rule))
}
