import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Manager } from '../hosts/manager.ts'
import { openHostRig, top } from './host-rig.ts'
import { mend } from './mend.ts'

const sleeper = 'ExecStart=/bin/sleep infinity'
const guarded = (host: Manager, more: readonly string[] = []) => [
  `Requires=${top}`,
  `After=${top}`,
  `AssertPathExists=!${join(host.stateDir, 'io-guardian/drained/io-databases')}`,
  ...more,
]
const wait = 'wait-for-io-databases.service'
const late = ['DefaultDependencies=no', 'Conflicts=shutdown.target', 'Before=shutdown.target']

interface Row {
  readonly name: string
  /** Units by name: lines of [Unit], and lines of their own section. */
  readonly units: (
    host: Manager,
  ) => Readonly<Record<string, readonly [unit: readonly string[], own: readonly string[]]>>
  /** Enabled by the target, besides being there. */
  readonly wanted?: readonly string[]
  readonly found: readonly string[]
  /** What is found first, in words. */
  readonly says: RegExp
}

const rows: readonly Row[] = [
  {
    name: 'a dependent that requires the target and is not ordered after it',
    units: () => ({ 'loose.service': [[`Requires=${top}`], [sleeper]] }),
    wanted: ['loose.service'],
    found: ['dependent-unguarded'],
    says: /loose\.service is not guarded: it requires io-databases\.target, but is not ordered after/,
  },
  {
    name: 'a dependent of second level that is only part of the first',
    units: () => ({ 'part.service': [['PartOf=app.service', 'After=app.service'], [sleeper]] }),
    wanted: ['part.service'],
    found: ['dependent-unguarded'],
    says: /part\.service is not guarded: it is only PartOf= app\.service, which stops it but lets it start/,
  },
  {
    name: 'a dependent that is not loaded is found by its file',
    units: () => ({ 'quiet.service': [[`BindsTo=${top}`, `After=${top}`], [sleeper]] }),
    found: ['dependent-without-assert', 'dependent-not-wanted'],
    says: /quiet\.service does not look at the marker/,
  },
  {
    name: 'an unguarded timer of a guarded service',
    units: (host) => ({
      'batch.service': [guarded(host), [sleeper]],
      'batch.timer': [[], ['OnCalendar=2038-01-01']],
    }),
    found: ['trigger-unguarded'],
    says: /batch\.timer stays up while io-databases is drained: it goes on starting batch\.service/,
  },
  {
    name: 'an unguarded socket of a guarded service',
    units: (host) => ({
      'asked.service': [guarded(host), [sleeper]],
      'asked.socket': [[], [`ListenStream=${join(host.runDir, 'asked.sock')}`]],
    }),
    found: ['trigger-unguarded'],
    says: /asked\.socket .*trigger-limit-hit/,
  },
  {
    name: 'a socket that was guarded by hand, and closes a circle with the early boot',
    units: (host) => ({
      'asked.service': [guarded(host), [sleeper]],
      'asked.socket': [guarded(host), [`ListenStream=${join(host.runDir, 'asked.sock')}`]],
    }),
    wanted: ['asked.socket'],
    found: ['dependent-in-circle'],
    says: /asked\.socket after io-databases\.target after \S+ after basic\.target after sockets\.target after /,
  },
  {
    name: 'a guarded timer that the target does not start',
    units: (host) => ({
      'batch.service': [guarded(host), [sleeper]],
      'batch.timer': [guarded(host, late), ['OnCalendar=2038-01-01']],
    }),
    found: ['dependent-not-wanted'],
    says: /nothing starts batch\.timer when io-databases\.target opens/,
  },
  {
    name: 'a service, a socket and a mount whose stop has no end',
    units: (host) => ({
      'slow.service': [guarded(host), [sleeper, 'TimeoutStopSec=infinity']],
      'slow.socket': [guarded(host, late), [`ListenStream=${join(host.runDir, 'slow.sock')}`, 'TimeoutSec=infinity']],
    }),
    wanted: ['slow.service', 'slow.socket'],
    found: ['stop-without-end', 'stop-without-end'],
    says: /has an infinite stop timeout/,
  },
  {
    name: 'what the target wants and does not stop',
    units: () => ({ 'beside.service': [[], [sleeper]] }),
    wanted: ['beside.service'],
    found: ['wanted-not-dependent'],
    says: /io-databases\.target wants beside\.service but does not stop it/,
  },
]

t.test('a host as it ships has nothing wrong, and each fault is named, and mended by what is printed', async (t) => {
  await using rig = await openHostRig([{ unit: 'app.service' }, { unit: 'deep.service', on: 'app.service' }])
  const { host } = rig
  t.strictSame(await rig.findings(), [])
  for (const { name, units, wanted = [], found, says } of rows) {
    await t.test(name, async (t) => {
      const written = Object.entries(units(host))
      for (const [unit, [lines, own]] of written) await host.writeUnit(unit, textOf(unit, lines, own))
      await host.daemonReload()
      if (wanted.length > 0) await host.systemctl('add-wants', top, ...wanted)
      const findings = await rig.findings()
      t.strictSame(
        findings.map(({ rule }) => rule),
        found,
      )
      t.match(findings[0]?.found, says)
      for (const finding of findings) await mend(host, finding)
      t.strictSame(await rig.rules(), [])
      for (const [unit] of written) await forget(host, unit)
      await host.daemonReload()
    })
  }
})

function textOf(unit: string, lines: readonly string[], own: readonly string[]): string {
  const kind = unit.slice(unit.lastIndexOf('.') + 1)
  return ['[Unit]', ...lines, `[${kind[0]?.toUpperCase()}${kind.slice(1)}]`, ...own, ''].join('\n')
}

async function forget(host: Manager, unit: string): Promise<void> {
  for (const path of [unit, `${unit}.d`, `${top}.wants/${unit}`]) {
    await rm(join(host.unitDir, path), { recursive: true, force: true })
  }
}

t.test('a target and a wait unit that lack what carries the promise', async (t) => {
  await using rig = await openHostRig([{ unit: 'app.service' }])
  const { host } = rig
  await host.writeUnit(top, '[Unit]\n')
  await host.writeUnit(wait, '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n')
  await host.writeUnit('io-guardian.service', `[Service]\nExecStart=/bin/sleep infinity\n`)
  await host.daemonReload()
  const findings = await rig.findings()
  t.strictSame(
    new Set(findings.map(({ rule }) => rule)),
    new Set([
      'target-without-assert',
      'target-without-wait',
      'start-limit',
      'wait-without-part-of',
      'wait-without-assert',
      'agent-order',
    ]),
  )
  for (const finding of findings) await mend(host, finding)
  t.strictSame(await rig.findings(), [])
})
